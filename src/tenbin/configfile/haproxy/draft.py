"""A proxy while its lines are read: what they say, before it is known what the names in them stand for.

A section starts as a copy of its `defaults`. Words are kept where a problem may have to be told at their place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tenbin.model import HashFunction, HashKey, Policy

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.configfile.haproxy.values import Place
    from tenbin.model import AgentCheck, Answer, Coding, LogTarget, ProtocolCheck, Step

_Copied = TypeVar("_Copied")


def inherited(of: _Copied) -> _Copied:
    """A copy that can be changed without changing what it was made from."""
    # Member by member: `copy` takes four times as long, and there may be thousands of proxies.
    made = object.__new__(type(of))
    for name in type(of).__dataclass_fields__:  # type: ignore[attr-defined]
        value = getattr(of, name)
        if isinstance(value, list | dict | set):
            value = value.copy()
        elif hasattr(value, "__dataclass_fields__") and not type(value).__dataclass_params__.frozen:
            value = inherited(value)
        setattr(made, name, value)
    return made


@dataclass(slots=True)
class CompressionDraft:
    """What `compression` lines say of answers; `algorithms` in their order."""

    is_wanted: bool = False
    algorithms: list[Coding] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    min_size: int = 0
    offload: bool = False


class Parts(NamedTuple):
    """Files of a certificate that are named apart, and the folders of both, None for those of `global`."""

    key: Word | None = None
    ocsp: Word | None = None
    base: str | None = None
    key_base: str | None = None


@dataclass(slots=True)
class TlsDraft:
    """TLS of an address or towards a server; `versions` are limits such as "1.2", "" for none."""

    on: bool = False
    certificates: list[Word] = field(default_factory=list)
    parts: Parts = field(default_factory=Parts)
    lists: list[Word] = field(default_factory=list)
    ca: Word | None = None
    crl: Word | None = None
    verify: str = ""
    lowest: str = ""
    highest: str = ""
    without: set[str] = field(default_factory=set)
    ciphers: str = ""
    suites: str = ""
    groups: tuple[str, ...] = ()
    ca_names: bool = True
    tickets: bool | None = None
    alpn: tuple[str, ...] | None = None
    strict_sni: bool = False
    sni: Word | None = None
    name: str = ""


@dataclass(slots=True)
class BindDraft:
    """An address of a `bind` line; `word` is where it stands."""

    word: Word
    place: Place
    tls: TlsDraft = field(default_factory=TlsDraft)
    proxy: bool = False
    maxconn: int = 0
    protocol: str = ""
    name: str = ""
    number: int = 0
    mode: int = 0
    uid: int = -1
    gid: int = -1
    backlog: int = 0
    defer_accept: bool = False
    fast_open: bool = False
    user_timeout: int = 0
    max_segment: int = 0
    interface: str = ""
    dual_stack: bool | None = None
    transparent: bool = False


@dataclass(slots=True)
class ServerDraft:
    """A `server` line on top of `default-server`; times are ms, -1 for what was not said."""

    name: str = ""
    word: Word | None = None
    place: Place | None = None
    tls: TlsDraft = field(default_factory=TlsDraft)
    weight: int = 1
    backup: bool = False
    maxconn: int = 0
    minconn: int = 0
    maxqueue: int = 0
    cookie: str = ""
    number: int = 0
    disabled: bool = False
    track: Word | None = None
    redirect: str = ""
    source: str = ""
    slow_start: int = -1
    check: bool = False
    inter: int = 2000
    fast: int = -1
    down: int = -1
    rise: int = 2
    fall: int = 3
    port: int = 0
    host: str = ""
    check_tls: bool | None = None
    check_sni: str = ""
    check_alpn: tuple[str, ...] = ()
    check_protocol: str = ""
    check_proxy: bool = False
    proxy_version: int = 0
    proxy_tls: bool = False
    agent: bool = False
    agent_host: str = ""
    agent_port: int = 0
    agent_every: int = 2000
    agent_send: str = ""
    observe: str = ""
    error_limit: int = 10
    on_error: str = "fail-check"
    close_on_down: bool = False
    close_on_up: bool = False
    protocol: str = ""
    purge: int = 5000
    idle: int = -1
    sticky: bool = True
    resolvers: str = ""
    user_timeout: int = 0
    max_reuse: int = -1
    initial: str = ""
    initial_word: Word | None = None
    prefer: str = ""
    networks: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    first_word: Word | None = None


@dataclass(slots=True)
class CookieDraft:
    """The words of `cookie`; times are in seconds."""

    name: str
    mode: str = ""
    indirect: bool = False
    no_cache: bool = False
    post_only: bool = False
    preserve: bool = False
    dynamic: bool = False
    attributes: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    max_idle: int = 0
    max_life: int = 0


@dataclass(slots=True)
class BalanceDraft:
    """The words of `balance` and `hash-type`."""

    policy: Policy | None = None
    draws: int = 2
    form: HashKey = HashKey.SOURCE
    key: Word | None = None
    name: str = ""
    whole: bool = False
    length: int = 0
    depth: int = 0
    path_only: bool = False
    check_post: int = 0
    domain_only: bool = False
    consistent: bool = False
    function: HashFunction | None = None
    avalanche: bool = False
    factor: int = 0


@dataclass(slots=True)
class CheckDraft:
    """How servers are checked: `kind` is tcp, http, script, agent, exec or a protocol."""

    kind: str = "tcp"
    method: str = "OPTIONS"
    target: str = "/"
    version: str = "HTTP/1.0"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    steps: list[Step] = field(default_factory=list)
    tcp_steps: list[Step] = field(default_factory=list)
    sent: bool = False
    disable_on_404: bool = False
    send_state: bool = False
    protocol: ProtocolCheck | None = None
    command: str = ""
    path: str = ""
    inherited: bool = False


@dataclass(slots=True)
class StatsDraft:
    """The `stats` lines of a proxy."""

    line: Line
    uri: str = "/haproxy?stats"
    realm: str = "HAProxy Statistics"
    users: list[tuple[str, str]] = field(default_factory=list)
    refresh: int = 0
    hide_version: bool = False
    legends: bool = False
    modules: bool = False
    node: str = ""
    description: str = ""
    scope: list[str] = field(default_factory=list)
    admin: list[Line] = field(default_factory=list)
    rules: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class ForwardDraft:
    """`option forwardfor` or `option originalto`."""

    header: str
    except_for: str = ""
    if_none: bool = False


@dataclass(slots=True)
class ForwardedDraft:
    """`option forwarded`: the samples that its parts are made of; empty where a part is not told."""

    line: Line
    proto: bool = False
    host: str = ""
    by: str = ""
    by_port: str = ""
    of: str = ""
    """What stands behind `for`."""
    of_port: str = ""


@dataclass(slots=True)
class ProxyDraft:
    """All that a section of a proxy says. Numbers of 0 and empty texts are what was not said."""

    kind: str
    name: str
    head: Line
    mode: str = "tcp"
    timeouts: dict[str, int] = field(default_factory=dict)
    options: dict[str, bool] = field(default_factory=dict)
    binds: list[BindDraft] = field(default_factory=list)
    uses: list[TlsDraft] = field(default_factory=list)
    servers: list[ServerDraft] = field(default_factory=list)
    default_server: ServerDraft = field(default_factory=ServerDraft)
    maxconn: int = 0
    fullconn: int = 0
    backlog: int = 0
    rate: int = 0
    number: int = 0
    disabled: bool = False
    description: str = ""
    retries: int = 3
    redispatch: int = 0
    retry_on: tuple[str, ...] = ("conn-failure",)
    reuse: str = "safe"
    balance: BalanceDraft = field(default_factory=BalanceDraft)
    cookie: CookieDraft | None = None
    dynamic_key: str = ""
    send_name: str = ""
    source: str = ""
    check: CheckDraft = field(default_factory=CheckDraft)
    answers: dict[int, Answer] = field(default_factory=dict)
    answers_of: list[Word] = field(default_factory=list)
    monitor_uri: Word | None = None
    stats: StatsDraft | None = None
    forward: ForwardDraft | None = None
    original: ForwardDraft | None = None
    forwarded: ForwardedDraft | None = None
    forward_of: dict[str, ForwardDraft] = field(default_factory=dict)
    """What frontends that lead here say, by their names."""
    original_of: dict[str, ForwardDraft] = field(default_factory=dict)
    logs: list[LogTarget] = field(default_factory=list)
    log_global: bool = False
    log_format: Word | None = None
    error_format: Word | None = None
    structured_format: Word | None = None
    log_tag: str = ""
    unique_format: Word | None = None
    unique_header: str = ""
    compression: CompressionDraft = field(default_factory=CompressionDraft)
    default_backend: Word | None = None
    inspect_delay: int = 0
    answer_inspect_delay: int = 0
    agent: AgentCheck | None = None
    phrases: list[Line] = field(default_factory=list)
    latest: int = 0
    inherited: ProxyDraft | None = None

    @property
    def is_frontend(self) -> bool:
        """Whether clients arrive here; `defaults` speak for both sides."""
        return self.kind != "backend"

    @property
    def is_backend(self) -> bool:
        """Whether servers are chosen here; `defaults` speak for both sides."""
        return self.kind != "frontend"

    @property
    def becomes_http(self) -> bool:
        """Whether rules may find a connection to be one of HTTP."""
        inherited = self.inherited.phrases if self.inherited is not None else []
        words = ([word.text for word in line.words[:3]] for line in (*inherited, *self.phrases))
        return self.is_frontend and ["tcp-request", "content", "switch-mode"] in words
