"""The server side: servers, how to choose, remember, check, retry and queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tenbin.model.rules import Rules
from tenbin.model.tls import Protocol
from tenbin.model.values import NO_TIME

if TYPE_CHECKING:
    from tenbin.model.balance import Balance
    from tenbin.model.check import Check
    from tenbin.model.compression import Compression
    from tenbin.model.expression import Expression
    from tenbin.model.frontend import Mode
    from tenbin.model.rules import Answer
    from tenbin.model.server import Eject, Server
    from tenbin.model.table import StickRule
    from tenbin.model.values import Duration


class Reuse(StrEnum):
    """When a request may go on a pooled connection.

    `safe`: a request that could not be repeated goes on a fresh one when it is the first of its client connection.
    """

    NEVER = "never"
    SAFE = "safe"
    ALWAYS = "always"


class OnDown(StrEnum):
    """What happens to the connections of a server that goes down."""

    KEEP = "keep"
    CLOSE_CONNECTIONS = "close_connections"


@dataclass(frozen=True, slots=True)
class Pool:
    """Idle server connections: at most `max_idle` per server and thread, each for `idle_timeout` (0: no limit)."""

    reuse: Reuse
    max_idle: int
    idle_timeout: Duration


@dataclass(frozen=True, slots=True)
class Retry:
    """Repeats on another server: `attempts` after the first, on these statuses besides connection failures.

    `budget` is the percentage of requests that may be retries (100: all). `redispatch`: from which repeat on another
    server is taken, 1 the first, -1 the last, 0 never; before a repeat on the same server `turn_around` ms pass.
    `after` are the failures that are repeated: "connect" (nothing was sent), "closed", "timeout", "junk". With
    `unsafe_methods` also what is not idempotent goes again after a server has had it.
    """

    attempts: int
    statuses: tuple[int, ...]
    budget: int
    redispatch: int = 1
    turn_around: int = 0
    after: tuple[str, ...] = ("connect", "closed", "timeout", "junk")
    unsafe_methods: bool = False


class CookieMode(StrEnum):
    """Whose cookie it is."""

    INSERT = "insert"
    REWRITE = "rewrite"
    PREFIX = "prefix"
    READ = "read"


@dataclass(frozen=True, slots=True)
class UseServer:
    """Requests for which `when` holds go to this server if it can take them; `server` is a text expression."""

    server: Expression
    when: Expression | None
    position: str = ""


@dataclass(frozen=True, slots=True)
class PersistRule:
    """`force`: persistence holds even to servers that are down; otherwise it is ignored."""

    force: bool
    when: Expression | None


@dataclass(frozen=True, slots=True)
class StickyCookie:
    """A cookie that Tenbin sets: opaque and signed, or (`plain`) the server's cookie value.

    `max_idle` and `max_life` 0 for no limit; `attributes` are appended as they are, such as `Path=/`, `HttpOnly`.
    `mode`: Tenbin inserts its own cookie, rewrites or prefixes the server's, or only reads it. `indirect`: the
    server never sees it; `no_cache`, `post_only`, `preserve` as in HAProxy's `cookie`; `dynamic_key`: values are
    made of it and the server's address.
    """

    name: str
    plain: bool
    attributes: tuple[str, ...]
    max_idle: Duration
    max_life: Duration
    mode: CookieMode = CookieMode.INSERT
    indirect: bool = True
    no_cache: bool = False
    post_only: bool = False
    preserve: bool = False
    dynamic_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StickySource:
    """The client's address is remembered for `expire`, at most `size` of them."""

    expire: Duration
    size: int


@dataclass(frozen=True, slots=True)
class StickyKey:
    """A text of the request (header, parameter ...) is remembered for `expire`, at most `size` of them."""

    key: Expression
    expire: Duration
    size: int


Sticky = StickyCookie | StickySource | StickyKey


@dataclass(frozen=True, slots=True)
class BackendLimits:
    """Of an answer: bytes of its `head`, its `fields`."""

    head: int
    fields: int


@dataclass(frozen=True, slots=True)
class Backend:
    """A group of servers.

    `connect`, `server` (the server sends or takes nothing), `queue`, `tunnel` and `server_fin` (idle after the client's
    end; 0: as before it) are timeouts. `max_queue` bounds the requests that wait for any server (0: no limit).
    `drain_sticky`: sticky clients stay on a draining server. `slow_start` 0 for none.

    `stick` rules need tables of `Config.tables`; `persist_down`: sticky clients stay with a server that is down;
    `all_backups`: all backup servers share the work instead of the first; `send_name`: the server's name is sent in
    this header; `tarpit`: ms (0: `connect`); `number`: in statistics (0: by order).
    """

    name: str
    mode: Mode
    balance: Balance
    servers: tuple[Server, ...]
    sticky: Sticky | None
    drain_sticky: bool
    check: Check | None
    connect: Duration
    server: Duration
    queue: Duration
    tunnel: Duration
    max_queue: int
    retry: Retry
    pool: Pool
    limits: BackendLimits
    eject: Eject | None
    slow_start: Duration
    on_down: OnDown
    protocol: Protocol = Protocol.HTTP1
    rules: Rules = field(default_factory=Rules)
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
    server_fin: Duration = NO_TIME

    def check_of(self, server: Server) -> Check | None:
        """Return how one of its servers is checked; one that follows another server's health has no check."""
        return None if server.unchecked or server.track is not None else server.check or self.check
