"""The snapshot: all that the data plane needs to know, whole.

Owns the shapes of both sides, client and server; `tenbin.plan.compile` fills them. Times are whole milliseconds.
"""

from typing import Annotated, Literal

from pydantic import Field

from tenbin.plan.wire.expression import Expr, Wire
from tenbin.plan.wire.rules import Answer, LiveList, LogPart, ProxyLog, Rules, StickRule, Table
from tenbin.plan.wire.tls import ListenerTls, ProxyIn, ProxyOut, ServerTls

# Routes ----------------------------------------------------------------------------------------------------------


class HeaderEdit(Wire):
    """`value` is None for remove."""

    verb: Literal["set", "add", "remove"]
    name: str
    value: Expr | None = None


class Rewrite(Wire):
    """The path prefix and what replaces it."""

    prefix: str
    to: str


class ToBackend(Wire):
    """Balance over this backend, by name; `name`, if given, is a text that takes its place for each request."""

    kind: Literal["backend"] = "backend"
    backend: str
    name: Expr | None = None


class Redirect(Wire):
    """A Location and a 30x code."""

    kind: Literal["redirect"] = "redirect"
    location: Expr
    code: int


class Respond(Wire):
    """A fixed answer; the body is base64."""

    kind: Literal["respond"] = "respond"
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class Deny(Wire):
    """A refusal with this status."""

    kind: Literal["deny"] = "deny"
    status: int


Action = Annotated[ToBackend | Redirect | Respond | Deny, Field(discriminator="kind")]


class Route(Wire):
    """Condition, edits, action; without an action the next routes go on."""

    when: Expr | None = None
    request: tuple[HeaderEdit, ...] = ()
    answer: tuple[HeaderEdit, ...] = ()
    rewrite: Rewrite | None = None
    action: Action | None = None
    position: str = ""


# The client side -------------------------------------------------------------------------------------------------


class Listener(Wire):
    """`address` is "ip:port" or "[ip]:port" and names the sockets handed over for it.

    `http2`: by ALPN, or by prior knowledge where there is no TLS.
    """

    address: str
    frontend: str
    lenient: bool = False
    tls: ListenerTls | None = None
    proxy: ProxyIn | None = None
    http2: bool = False
    name: str = ""
    number: int = 0


class FrontendTimeouts(Wire):
    """See `tenbin.model.Frontend`."""

    client: int
    header: int
    keep_alive: int
    tunnel: int
    client_fin: int = 0


class PerSource(Wire):
    """See `tenbin.model.PerSource`; `requests` within `window`, 0 for no limit."""

    connections: int
    requests: int
    window: int
    ipv6_prefix: int
    entries: int


class FrontendLimits(Wire):
    """See `tenbin.model.FrontendLimits`."""

    connections: int
    head: int
    fields: int
    target: int
    body: int
    min_rate: int
    per_source: PerSource | None = None
    streams: int = 100
    glitches: int = 100
    session_rate: int = 0


class HttpRules(Wire):
    """See `tenbin.model.HttpRules`."""

    trace: bool = False
    connect: bool = False
    underscores: Literal["drop", "pass", "refuse"] = "drop"
    ambiguous_paths: Literal["pass", "refuse"] = "pass"


class Compression(Wire):
    """See `tenbin.model.Compression`."""

    algorithms: tuple[Literal["identity", "gzip", "deflate", "raw-deflate"], ...]
    types: tuple[str, ...] = ()
    min_size: int = 0
    offload: bool = False


class Frontend(Wire):
    """What happens to what arrives on the listeners that name it."""

    name: str
    mode: Literal["http", "tcp"]
    timeouts: FrontendTimeouts
    limits: FrontendLimits
    http: HttpRules = HttpRules()
    trusted_proxies: tuple[str, ...] = ()
    forwarding: bool = True
    routes: tuple[Route, ...] = ()
    rules: Rules = Rules()
    answers: tuple[tuple[int, Answer], ...] = ()
    log: ProxyLog | None = None
    unique_id: tuple[LogPart, ...] = ()
    tarpit: int = 0
    number: int = 0
    compression: Compression | None = None


# The server side -------------------------------------------------------------------------------------------------


class Balance(Wire):
    """Policy and parameters; see `tenbin.model.Balance`."""

    policy: Literal["round_robin", "static_rr", "least_conn", "random", "first", "ip_hash", "hash", "peak_ewma"]
    draws: int = 2
    ip_form: Literal["fnv1a", "nginx"] = "fnv1a"
    key: Expr | None = None
    method: Literal["modulo", "consistent", "maglev", "haproxy_map", "haproxy_tree"] = "consistent"
    load_factor: int = 0
    decay: int = 10_000
    error_penalty: int = 1_000
    function: Literal["sdbm", "djb2", "wt6", "crc32", "none"] = "sdbm"
    avalanche: bool = False
    form: Literal["text", "source", "uri", "parameter", "header", "sample", "rdp_cookie"] = "text"
    name: str = ""
    whole: bool = False
    length: int = 0
    depth: int = 0
    path_only: bool = False
    check_post: int = 0
    domain_only: bool = False


class StickyCookie(Wire):
    """`attributes` is the text after the value, such as "; Path=/; HttpOnly"."""

    kind: Literal["cookie"] = "cookie"
    name: str
    plain: bool
    attributes: str
    max_idle: int
    max_life: int
    mode: Literal["insert", "rewrite", "prefix", "read"] = "insert"
    indirect: bool = True
    no_cache: bool = False
    post_only: bool = False
    preserve: bool = False
    dynamic_key: str = Field(default="", repr=False)


class BackendTimeouts(Wire):
    """See `tenbin.model.Backend`."""

    connect: int
    server: int
    queue: int
    tunnel: int
    server_fin: int = 0


class Retry(Wire):
    """See `tenbin.model.Retry`."""

    attempts: int
    statuses: tuple[int, ...] = ()
    budget: int
    redispatch: int = 1
    turn_around: int = 0
    after: tuple[str, ...] = ("connect", "closed", "timeout", "junk")
    unsafe_methods: bool = False


class Pool(Wire):
    """See `tenbin.model.Pool`."""

    reuse: Literal["never", "safe", "always"]
    max_idle: int
    idle_timeout: int


class BackendLimits(Wire):
    """See `tenbin.model.BackendLimits`."""

    head: int
    fields: int


class Eject(Wire):
    """See `tenbin.model.Eject`."""

    consecutive: int
    base: int
    longest: int
    percent: int


class Passive(Wire):
    """See `tenbin.model.Passive`."""

    max_fails: int
    fail_timeout: int


class Watch(Wire):
    """How requests watch a server: `errors` in a row at layer 4 or 7 are told."""

    layer: int
    errors: int


class Server(Wire):
    """`address` is None while the name has not been resolved; admin and health come from the overlay."""

    name: str
    address: str | None
    weight: int
    backup: bool = False
    max_connections: int = 0
    max_queue: int = 0
    passive: Passive | None = None
    cookie: str
    tls: ServerTls | None = None
    proxy: ProxyOut | None = None
    admin: Literal["ready", "drain", "maint"] = "ready"
    health: Literal["unknown", "starting", "up", "down"] = "unknown"
    number: int = 0
    source: str = ""
    slow_start: int = -1
    redirect: str = ""
    min_connections: int = 0
    full_connections: int = 0
    watch: Watch | None = None
    end_when_down: bool = False
    end_backups_when_up: bool = False
    user_timeout: int = 0
    max_reuse: int = -1


class UseServer(Wire):
    """See `tenbin.model.UseServer`."""

    server: Expr
    when: Expr | None = None


class PersistRule(Wire):
    """See `tenbin.model.PersistRule`."""

    force: bool
    when: Expr | None = None


class Backend(Wire):
    """A group of servers."""

    name: str
    mode: Literal["http", "tcp"]
    balance: Balance
    sticky: StickyCookie | None = None
    drain_sticky: bool = True
    timeouts: BackendTimeouts
    max_queue: int = 0
    retry: Retry
    pool: Pool
    limits: BackendLimits
    protocol: Literal["http1", "http2", "auto"] = "http1"
    eject: Eject | None = None
    slow_start: int = 0
    close_on_down: bool = False
    rules: Rules = Rules()
    answers: tuple[tuple[int, Answer], ...] = ()
    stick: tuple[StickRule, ...] = ()
    use_server: tuple[UseServer, ...] = ()
    persist: tuple[PersistRule, ...] = ()
    persist_down: bool = False
    all_backups: bool = False
    abort_on_close: bool = True
    send_name: str = ""
    tarpit: int = 0
    number: int = 0
    compression: Compression | None = None
    servers: tuple[Server, ...]


# The snapshot ----------------------------------------------------------------------------------------------------


class Rates(Wire):
    """See `tenbin.model.Rates`."""

    connections: int = 0
    sessions: int = 0
    handshakes: int = 0


class Limits(Wire):
    """`connections`: clients at once, over all frontends; `buffer`: bytes for a direction of an exchange.

    `memory` (bytes) or `memory_percent` (of what the system grants): above it no new work is taken; both 0: no limit.
    `refused`: of so many proxies the last message that could not be read is kept, for whoever asks; 0: none.
    """

    connections: int
    buffer: int
    memory: int
    memory_percent: int
    rates: Rates = Rates()
    refused: int = 0


class AccessLog(Wire):
    """`target`: "stdout", "none" or a path; `format` is decided by the control plane ("auto" is resolved)."""

    target: str
    format: Literal["human", "json"]


class Snapshot(Wire):
    """All that the data plane needs, whole. `secret` (hex, 32 bytes) signs sticky cookies and never is logged."""

    generation: int
    threads: int
    limits: Limits
    access_log: AccessLog
    secret: str = Field(repr=False)
    listeners: tuple[Listener, ...]
    frontends: tuple[Frontend, ...]
    backends: tuple[Backend, ...]
    tables: tuple[Table, ...] = ()
    lists: tuple[LiveList, ...] = ()
    variables: tuple[tuple[str, Expr], ...] = ()
