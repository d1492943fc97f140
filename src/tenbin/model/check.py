"""Active health checks: what to ask of a server and how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.tls import Protocol, SendProxy, ServerTls
    from tenbin.model.values import Duration


class AsServer(Enum):
    """What a check does as requests to the same server do."""

    AS_SERVER = "as_server"


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """Passes when a connection opens; with TLS, when its handshake succeeds."""


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """Passes when the answer's status is in one of the inclusive `statuses` ranges and its body holds `body`.

    `body` is a text that the first 64 KiB must contain ("" for any). `headers` are sent as written; Host defaults
    to the server's address.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[int, int], ...]
    body: str


@dataclass(frozen=True, slots=True)
class GrpcCheck:
    """Passes when grpc.health.v1.Health/Check says SERVING of the `service`, "" for the whole server.

    `headers` are sent as metadata; a Host among them is the authority.
    """

    service: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ExecCheck:
    """Passes when the program ends with 0; it gets TENBIN_BACKEND, TENBIN_SERVER, TENBIN_ADDRESS and TENBIN_PORT.

    `path` "" is our own PATH. `places`: its arguments are the address and port of the proxy and of the server.
    """

    command: tuple[str, ...]
    path: str = ""
    places: bool = False


@dataclass(frozen=True, slots=True)
class PythonCheck:
    """Passes when the coroutine function's Result says so; `file` is absolute, `function` takes one server."""

    file: str
    function: str


CHECK_SOURCES = frozenset(
    {
        "str", "int", "bool", "bin", "var", "env", "hostname", "date", "rand", "uuid",
        "be_name", "be_id", "srv_name", "srv_id",
        "status", "res.hdr", "res.fhdr", "res.body", "res.ver", "check.payload",
    }
)  # fmt: skip
"""What texts of a script may name between `%[` and `]`."""

CHECK_CONVERTERS = frozenset(
    {
        "lower", "upper", "hex", "length", "base64", "b64dec", "url_enc", "url_dec", "sha1", "md5", "crc32", "bytes",
        "field", "concat", "add", "sub", "mul", "div", "mod", "neg", "bool", "not", "iif",
    }
)  # fmt: skip
"""What may follow them, after a comma."""


class StepKind(StrEnum):
    """What a step of a script does."""

    CONNECT = "connect"
    SEND = "send"
    EXPECT = "expect"
    SET_VAR = "set_var"
    UNSET_VAR = "unset_var"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a script.

    CONNECT: `host` and `port` ("" and 0: the check's), `default` (as the server says), `tls`, `sni`, `send_proxy`,
    `alpn`. SEND: `data`, or of HTTP `method`, `target`, `version`, `headers`, `data` as the body. EXPECT:
    `negate`, `method` (status rstatus string rstring binary rbinary hdr fhdr), `pattern`, `header`, and how these two
    are compared (`pattern_by`, `header_by`: str beg end sub reg); `min_recv`; `ok_status`, `error_status`,
    `timeout_status` are codes such as L7OKC; `on_success`, `on_error` messages. `format`: `data`, `target` and headers
    are log formats. SET_VAR: `name`, `value` as text. COMMENT: `comment` is that of
    the steps behind it without an own one, up to what connects or sends.
    """

    kind: StepKind
    comment: str = ""
    host: str = ""
    port: int = 0
    default: bool = False
    tls: bool = False
    sni: str = ""
    send_proxy: bool = False
    alpn: str = ""
    data: bytes = b""
    method: str = ""
    target: str = ""
    version: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    format: bool = False
    negate: bool = False
    pattern: str = ""
    header: str = ""
    header_by: str = "str"
    pattern_by: str = "str"
    min_recv: int = 0
    ok_status: str = ""
    error_status: str = ""
    timeout_status: str = ""
    on_success: str = ""
    on_error: str = ""
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class ScriptCheck:
    """Passes when every step does. `http`: steps speak HTTP. `disable_on_404`: 404 means up, but no new work.

    `send_state`: the server's state is sent in a header.
    """

    steps: tuple[Step, ...]
    http: bool
    disable_on_404: bool = False
    send_state: bool = False


@dataclass(frozen=True, slots=True)
class ProtocolCheck:
    """A greeting of `protocol` (pgsql mysql redis smtp ldap ssl_hello spop), with its `user` or `domain`, if any."""

    protocol: str
    user: str = ""
    domain: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class AgentCheck:
    """A line of text from an agent beside the server: `up`, `down`, `75%`, `drain`, `maint`, `maxconn:30` ...

    `host` "" is that of the server. While it is not `enabled`, nobody asks.
    """

    host: str
    port: int
    every: Duration
    send: str = ""
    enabled: bool = True


class OnErrors(StrEnum):
    """What follows from too many errors in a row; each has the next check come within `fast`.

    `fail_check`: a failed check. `sudden_death`: the next failed check takes the server down. `mark_down`: it is down.
    """

    FAST_CHECKS = "fast_checks"
    FAIL_CHECK = "fail_check"
    SUDDEN_DEATH = "sudden_death"
    MARK_DOWN = "mark_down"


@dataclass(frozen=True, slots=True)
class Observe:
    """Requests watch the server, too: `errors` in a row of layer 4 (connections) or 7 (answers) have consequences."""

    layer: int
    errors: int
    then: OnErrors


Probe = TcpCheck | HttpCheck | GrpcCheck | ExecCheck | PythonCheck | ScriptCheck | ProtocolCheck | AgentCheck


@dataclass(frozen=True, slots=True)
class Check:
    """A probe and its pace.

    `every` between checks while nothing changes, `fast` while a server is between up and down, `down` while it is
    down. `rise` passes in a row bring a server up, `fall` failures take it down. `jitter` is a fraction 0-0.5 of
    the interval. `port` 0 and `host` "" mean the server's own.

    `tls` and `send_proxy` None for none. An own `tls` without `sni` takes the name of the server that it meets.
    `observe` None: what requests meet has no consequences.
    """

    probe: Probe
    every: Duration
    fast: Duration
    down: Duration
    timeout: Duration
    rise: int
    fall: int
    jitter: float
    port: int
    host: str
    tls: ServerTls | AsServer | None = AsServer.AS_SERVER
    send_proxy: SendProxy | AsServer | None = AsServer.AS_SERVER
    protocol: Protocol | AsServer = AsServer.AS_SERVER
    observe: Observe | None = None
