"""The one seam: what the control plane tells the data plane, and what it hears back.

Owns the shapes of the snapshot and of the control frames; `crates/engine/src/wire.rs` mirrors them, and both are
tested against the files in `tests/contract/`. Times are whole milliseconds and 0 means "none" or "no limit".

Frames are a 4-byte big-endian length and that many bytes of JSON. A request carries an `id` and is answered by
`{"id": n, "ok": true, ...}` or `{"id": n, "ok": false, "error": {"path": ..., "reason": ...}}`; what the data plane
says by itself has `event` instead. Descriptors of listening sockets travel by SCM_RIGHTS with the frame that names them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PROTOCOL = 1
"""Version of this contract; a data plane of another version is replaced, not attached to."""


class Wire(BaseModel):
    """A frozen part of the contract; unknown keys are refused on both sides."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# Expressions -----------------------------------------------------------------------------------------------------

Scalar = str | int | bool | None


class Const(Wire):
    """A literal."""

    op: Literal["const"] = "const"
    value: Scalar


class Fetch(Wire):
    """A sample by name."""

    op: Literal["fetch"] = "fetch"
    name: str
    args: tuple[Scalar, ...] = ()


class Convert(Wire):
    """A converter on a sample."""

    op: Literal["convert"] = "convert"
    name: str
    input: Expr
    args: tuple[Scalar, ...] = ()


class Match(Wire):
    """Any pattern matches."""

    op: Literal["match"] = "match"
    method: str
    input: Expr
    patterns: tuple[str, ...]
    ignore_case: bool = False


class Compare(Wire):
    """Two values compared."""

    op: Literal["compare"] = "compare"
    cmp: Literal["eq", "ne", "lt", "le", "gt", "ge"]
    left: Expr
    right: Expr


class All(Wire):
    """Logical and."""

    op: Literal["all"] = "all"
    of: tuple[Expr, ...]


class Any(Wire):
    """Logical or."""

    op: Literal["any"] = "any"
    of: tuple[Expr, ...]


class Not(Wire):
    """Logical not."""

    op: Literal["not"] = "not"
    input: Expr


class Concat(Wire):
    """Texts joined."""

    op: Literal["concat"] = "concat"
    of: tuple[Expr, ...]


Expr = Annotated[Const | Fetch | Convert | Match | Compare | All | Any | Not | Concat, Field(discriminator="op")]

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
    """Balance over this backend, by name."""

    kind: Literal["backend"] = "backend"
    backend: str


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
    """`address` is "ip:port" or "[ip]:port" and names the sockets handed over for it."""

    address: str
    frontend: str
    lenient: bool = False


class FrontendTimeouts(Wire):
    """See `tenbin.model.Frontend`."""

    client: int
    header: int
    keep_alive: int
    tunnel: int


class FrontendLimits(Wire):
    """See `tenbin.model.FrontendLimits`."""

    connections: int
    head: int
    fields: int
    target: int
    body: int


class Frontend(Wire):
    """What happens to what arrives on the listeners that name it."""

    name: str
    mode: Literal["http", "tcp"]
    timeouts: FrontendTimeouts
    limits: FrontendLimits
    trusted_proxies: tuple[str, ...] = ()
    forwarding: bool = True
    routes: tuple[Route, ...] = ()


# The server side -------------------------------------------------------------------------------------------------


class Balance(Wire):
    """Policy and parameters; see `tenbin.model.Balance`."""

    policy: Literal["round_robin", "static_rr", "least_conn", "random", "first", "ip_hash", "hash", "peak_ewma"]
    draws: int = 2
    ip_form: Literal["fnv1a", "nginx"] = "fnv1a"
    key: Expr | None = None
    method: Literal["modulo", "consistent", "maglev"] = "consistent"
    load_factor: int = 0
    decay: int = 10_000
    error_penalty: int = 1_000


class StickyCookie(Wire):
    """`attributes` is the text after the value, such as "; Path=/; HttpOnly"."""

    kind: Literal["cookie"] = "cookie"
    name: str
    plain: bool
    attributes: str
    max_idle: int
    max_life: int


class StickySource(Wire):
    """Remembers client addresses."""

    kind: Literal["source"] = "source"
    expire: int
    size: int


class StickyKey(Wire):
    """Remembers a text of the request."""

    kind: Literal["key"] = "key"
    key: Expr
    expire: int
    size: int


Sticky = Annotated[StickyCookie | StickySource | StickyKey, Field(discriminator="kind")]


class BackendTimeouts(Wire):
    """See `tenbin.model.Backend`."""

    connect: int
    server: int
    queue: int
    tunnel: int


class Retry(Wire):
    """See `tenbin.model.Retry`."""

    attempts: int
    statuses: tuple[int, ...] = ()
    budget: int


class Pool(Wire):
    """See `tenbin.model.Pool`."""

    reuse: Literal["never", "safe", "always"]
    max_idle: int
    idle_timeout: int


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
    admin: Literal["ready", "drain", "maint"] = "ready"
    health: Literal["unknown", "starting", "up", "down"] = "unknown"


class Backend(Wire):
    """A group of servers."""

    name: str
    mode: Literal["http", "tcp"]
    balance: Balance
    sticky: Sticky | None = None
    drain_sticky: bool = True
    timeouts: BackendTimeouts
    max_queue: int = 0
    retry: Retry
    pool: Pool
    eject: Eject | None = None
    slow_start: int = 0
    close_on_down: bool = False
    servers: tuple[Server, ...]


# The snapshot ----------------------------------------------------------------------------------------------------


class Limits(Wire):
    """`connections`: clients at once, over all frontends."""

    connections: int


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
    secret: str
    listeners: tuple[Listener, ...]
    frontends: tuple[Frontend, ...]
    backends: tuple[Backend, ...]


# Requests of the control plane -----------------------------------------------------------------------------------


class Hello(Wire):
    """First frame of a connection; takes control over from an earlier connection. Answered by `Welcome`."""

    type: Literal["hello"] = "hello"
    id: int
    protocol: int
    pid: int


class SetSockets(Wire):
    """Hands over the sockets of one listener, one per thread; as many descriptors travel with this frame."""

    type: Literal["set_sockets"] = "set_sockets"
    id: int
    address: str
    count: int


class GetSockets(Wire):
    """Asks for the sockets of one listener back; the answer carries `count` and the descriptors."""

    type: Literal["get_sockets"] = "get_sockets"
    id: int
    address: str


class Apply(Wire):
    """Replaces the snapshot, all or nothing."""

    type: Literal["apply"] = "apply"
    id: int
    snapshot: Snapshot


class ServerPatch(Wire):
    """Fields that are None stay as they are."""

    backend: str
    server: str
    weight: int | None = None
    admin: Literal["ready", "drain", "maint"] | None = None
    health: Literal["unknown", "starting", "up", "down"] | None = None


class Patch(Wire):
    """Changes the per-server fields that live in atomics; the generation is that of the whole they lead to."""

    type: Literal["patch"] = "patch"
    id: int
    generation: int
    servers: tuple[ServerPatch, ...]


class GetStats(Wire):
    """Asks for `Stats`."""

    type: Literal["get_stats"] = "get_stats"
    id: int


class Restore(Wire):
    """Adds the counters of an earlier data plane (its last `Stats`) to those of this one."""

    type: Literal["restore"] = "restore"
    id: int
    stats: Stats


class Drain(Wire):
    """Stops accepting, ends idle connections, lets work end; the process exits when done or after `deadline`."""

    type: Literal["drain"] = "drain"
    id: int
    deadline: int


class Stop(Wire):
    """Exit now."""

    type: Literal["stop"] = "stop"
    id: int


# Answers and events of the data plane ----------------------------------------------------------------------------


class ServerState(Wire):
    """What the data plane holds of one server."""

    backend: str
    server: str
    weight: int
    admin: Literal["ready", "drain", "maint"]
    health: Literal["unknown", "starting", "up", "down"]


class Welcome(Wire):
    """Answer to `Hello`: who runs and what it has. `generation` 0: no snapshot yet."""

    id: int
    ok: Literal[True] = True
    protocol: int
    version: str
    pid: int
    threads: int
    generation: int
    listeners: tuple[str, ...]
    servers: tuple[ServerState, ...]


class Times(Wire):
    """Microseconds over the sliding last minute; all 0 without a sample."""

    count: int = 0
    p50: int = 0
    p90: int = 0
    p99: int = 0
    max: int = 0


class Phases(Wire):
    """Where the time of requests went; `total` is from the first byte of the head to the last of the answer."""

    queue: Times = Times()
    connect: Times = Times()
    first_byte: Times = Times()
    total: Times = Times()


class ListenerStats(Wire):
    """`current`, `max` and `total` are client connections; `denied` were refused at a limit."""

    address: str
    frontend: str
    current: int
    max: int
    total: int
    denied: int
    bytes_in: int
    bytes_out: int


class FrontendStats(Wire):
    """`errors` counts answers that Tenbin made itself, by tenbin-reason; `rate_*` are over the last second."""

    name: str
    current: int
    max: int
    total: int
    requests: int
    bytes_in: int
    bytes_out: int
    denied: int
    request_errors: int
    intercepted: int
    responses: tuple[int, int, int, int, int, int]
    rate_connections: int
    rate_connections_max: int
    rate_requests: int
    rate_requests_max: int
    phases: Phases
    errors: dict[str, int]


class ServerStats(Wire):
    """`responses` are 1xx 2xx 3xx 4xx 5xx other; `last_used` is seconds ago, -1 for never.

    `ejected` is how many milliseconds of ejection or fail_timeout remain.
    """

    name: str
    address: str | None
    weight: int
    admin: Literal["ready", "drain", "maint"]
    health: Literal["unknown", "starting", "up", "down"]
    ejected: int
    throttle: int
    current: int
    max: int
    total: int
    requests: int
    queue: int
    queue_max: int
    bytes_in: int
    bytes_out: int
    connect_errors: int
    response_errors: int
    retries: int
    redispatches: int
    client_aborts: int
    server_aborts: int
    denied_responses: int
    responses: tuple[int, int, int, int, int, int]
    connects: int
    reuses: int
    idle: int
    rate: int
    rate_max: int
    last_used: int
    phases: Phases


class BackendStats(Wire):
    """The sums over a backend's servers and what belongs to none of them."""

    name: str
    current: int
    max: int
    total: int
    requests: int
    queue: int
    queue_max: int
    bytes_in: int
    bytes_out: int
    denied: int
    connect_errors: int
    response_errors: int
    retries: int
    redispatches: int
    client_aborts: int
    server_aborts: int
    responses: tuple[int, int, int, int, int, int]
    rate: int
    rate_max: int
    last_used: int
    phases: Phases
    servers: tuple[ServerStats, ...]


class ProcessStats(Wire):
    """The data plane as a process; `cpu` is microseconds of CPU time, `log_dropped` access-log lines lost."""

    pid: int
    version: str
    generation: int
    uptime: int
    threads: int
    connections: int
    connections_max: int
    connections_total: int
    requests: int
    cpu: int
    resident: int
    descriptors: int
    log_dropped: int
    events_dropped: int
    accept_pauses: int
    panics: int


class Stats(Wire):
    """Everything counted, at one moment."""

    process: ProcessStats
    listeners: tuple[ListenerStats, ...]
    frontends: tuple[FrontendStats, ...]
    backends: tuple[BackendStats, ...]


class ServerEvent(Wire):
    """A server was taken out by what requests met (`ejected`), or is back (`readmitted`).

    `until` is milliseconds from now for `ejected`.
    """

    event: Literal["ejected", "readmitted"]
    backend: str
    server: str
    reason: str
    until: int = 0


class NoticeEvent(Wire):
    """Something an operator should read: accept paused, log target failed, a panic was contained."""

    event: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"]
    text: str


Event = Annotated[ServerEvent | NoticeEvent, Field(discriminator="event")]

for _model in (Convert, Match, Compare, All, Any, Not, Concat, HeaderEdit, Redirect, Route, Balance, Restore):
    _model.model_rebuild()
