"""The client side: listeners and what happens to what arrives on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tenbin.model.rules import Rules
from tenbin.model.values import NO_TIME

if TYPE_CHECKING:
    from tenbin.model.compression import Compression
    from tenbin.model.logs import LogFormat, ProxyLog
    from tenbin.model.route import Route
    from tenbin.model.rules import Answer
    from tenbin.model.tls import ListenerTls, ProxyIn
    from tenbin.model.values import Address, Duration, Inherited, Rate, UnixAddress


class Mode(StrEnum):
    """Balance requests (`http`) or connections (`tcp`)."""

    HTTP = "http"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """What is asked of the kernel for a listener; connections that are accepted inherit it. 0, "": as it is set up.

    `backlog`: connections that may wait to be accepted (0: as the process's limits say). `defer_accept`: a connection
    is accepted once it has sent something. `fast_open`: the first bytes may come with the first packet (RFC 7413).
    `user_timeout`: what was sent is acknowledged within it, or the connection ends (RFC 5482). `max_segment`: bytes a
    packet that are announced. `interface`: only what comes in there. `dual_stack`: `::` takes IPv4, too.
    `transparent`: addresses that are not this machine's may be listened on.
    """

    backlog: int = 0
    defer_accept: bool = False
    fast_open: bool = False
    user_timeout: Duration = NO_TIME
    max_segment: int = 0
    interface: str = ""
    dual_stack: bool = False
    transparent: bool = False


SEGMENTS = range(88, 32768)
"""The sizes of segments that Linux announces when it is asked to (include/net/tcp.h)."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that is listened on; `position` is `file:line:column` for bind errors.

    `lenient` accepts a bare LF as line end in heads. `tls` None: bytes are taken as they come; `proxy_protocol` None:
    nobody's connection begins with it. `http2`: by ALPN, or by prior knowledge where there is no TLS. `name` and
    `number` are what lines and conditions of HAProxy's language call it.
    """

    address: Address | UnixAddress | Inherited
    lenient: bool
    position: str
    tls: ListenerTls | None = None
    proxy_protocol: ProxyIn | None = None
    http2: bool = False
    name: str = ""
    number: int = 0
    options: SocketOptions = SocketOptions()


@dataclass(frozen=True, slots=True)
class PerSource:
    """What one address may do: `connections` at once (0: no limit) and `requests` (None: no limit).

    IPv6 addresses that have `ipv6_prefix` bits (1-128) in common are one source; `entries` sources are remembered.
    """

    connections: int
    requests: Rate | None
    ipv6_prefix: int
    entries: int


@dataclass(frozen=True, slots=True)
class FrontendLimits:
    """`connections` at once (0: only the global limit); sizes in bytes, `body` 0 for no limit.

    `min_rate`: bytes a second that a client moves at least while it is what is waited for; 0: as few as it likes.
    `per_source` None: no source has limits of its own. `streams` of one HTTP/2 connection at once; so many `glitches`
    (frames that no client needs) end it. `handshakes` of TLS at once on each listener (0: no limit).
    `session_rate`: connections that begin in a second, further ones wait (0: no limit).
    """

    connections: int
    head: int
    fields: int
    target: int
    body: int
    min_rate: int
    per_source: PerSource | None
    streams: int = 100
    glitches: int = 100
    handshakes: int = 1000
    session_rate: int = 0


class Underscores(StrEnum):
    """What becomes of headers with an underscore in their name, which some servers read as a dash."""

    DROP = "drop"
    PASS = "pass"  # noqa: S105
    REFUSE = "refuse"


class AmbiguousPaths(StrEnum):
    """What becomes of requests with a path that servers read in more than one way."""

    PASS = "pass"  # noqa: S105
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class HttpRules:
    """What of a request is let through: methods that are refused by default, doubtful names of headers, and paths."""

    trace: bool
    connect: bool
    underscores: Underscores
    ambiguous_paths: AmbiguousPaths


@dataclass(frozen=True, slots=True)
class Frontend:
    """Listeners, routes, and the client side's timeouts and limits.

    `client`: the client sends or takes nothing for so long; `header`: a whole head from its first byte (or, on a
    new connection, from accept); `keep_alive`: until the next head begins; `tunnel`: idle after an upgrade;
    `handshake`: until a TLS handshake has ended; `client_fin`: idle after the server's end (0: as before it).

    `answers` are our own answers by status, in place of the built-in ones; `log` None: the process's access log;
    `tarpit`: ms that an answer is kept back (0: as `connect` of the backend); `number`: in statistics (0: by order).
    """

    name: str
    mode: Mode
    listeners: tuple[Listener, ...]
    routes: tuple[Route, ...]
    client: Duration
    header: Duration
    keep_alive: Duration
    tunnel: Duration
    handshake: Duration
    limits: FrontendLimits
    http: HttpRules
    trusted_proxies: tuple[str, ...]
    forwarding: bool
    rules: Rules = field(default_factory=Rules)
    answers: tuple[tuple[int, Answer], ...] = ()
    log: ProxyLog | None = None
    unique_id: LogFormat = field(default=(), repr=False)
    tarpit: int = 0
    number: int = 0
    compression: Compression | None = None
    client_fin: Duration = NO_TIME
