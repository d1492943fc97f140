"""A server of a backend and the states it can be in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tenbin.model.values import NO_TIME

if TYPE_CHECKING:
    from tenbin.model.check import AgentCheck, Check
    from tenbin.model.tls import SendProxy, ServerTls
    from tenbin.model.values import Address, Duration, UnixAddress


class Admin(StrEnum):
    """What the operator wants of a server, apart from its health.

    `drain`: existing work ends, no new work but (by option) that of sticky clients; `maint`: no work, no checks.
    """

    READY = "ready"
    DRAIN = "drain"
    MAINT = "maint"


class Health(StrEnum):
    """What checks say of a server; `unknown` (not checked yet, or no check) and `starting` may get work."""

    UNKNOWN = "unknown"
    STARTING = "starting"
    UP = "up"
    DOWN = "down"


class Initial(StrEnum):
    """How a server that is checked counts before its first check: up or down, and how many checks change that.

    `up` and `down` change with the first check that says otherwise, the full ones with as many as `fall` and `rise`.
    """

    FULLY_UP = "fully_up"
    UP = "up"
    DOWN = "down"
    FULLY_DOWN = "fully_down"


@dataclass(frozen=True, slots=True, order=True)
class ServerId:
    """A server's name across snapshots: `backend/server`."""

    backend: str
    server: str

    def __str__(self) -> str:
        return f"{self.backend}/{self.server}"


@dataclass(frozen=True, slots=True)
class Passive:
    """nginx's max_fails and fail_timeout: so many failures within the time make a server unavailable as long."""

    max_fails: int
    fail_timeout: Duration


@dataclass(frozen=True, slots=True)
class Eject:
    """Ejection after consecutive failures; the time grows with each ejection from `base` to `longest`.

    At most `percent` (1-100) of a backend's servers are out at once, and never the last one.
    """

    consecutive: int
    base: Duration
    longest: Duration
    percent: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which address of a server's name is taken: one of the IP version `family` (4 or 6; 0: any), in `networks`.

    Without one that fits, any is. `fallback`: the address while the name has none ("": there is no other).
    """

    family: int = 0
    networks: tuple[str, ...] = ()
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """One server: `weight` 0-256 (0: no new work), `max_connections` and `max_queue` 0 for no limit.

    `cookie` is the value that names this server in a plain sticky cookie. `tls` None: none; `send_proxy` None: the
    connection does not begin with the PROXY protocol.

    `number`: its id in statistics and hashes (0: by order); `track`: its health is that of another one; `source`: the
    local address of connections; `slow_start` ms (-1: the backend's); `redirect`: GET and HEAD are sent to this prefix;
    `check` None: the backend's, none if `unchecked`; `min_connections` of a limit that moves with the backend's load up
    to `full_connections`; `end_when_down`: what is in progress with it ends when it goes down or into maintenance;
    `end_backups_when_up`: what is in progress with the backend's backup servers ends when it comes up; `user_timeout`:
    connections end on which what was sent is not acknowledged for so long (RFC 5482; 0: as the system is set up);
    `max_reuse`: requests that a connection carries after its first (-1: no limit); `initial`: before its first check.
    """

    name: str
    address: Address | UnixAddress
    weight: int
    backup: bool
    max_connections: int
    max_queue: int
    passive: Passive | None
    cookie: str
    admin: Admin
    tls: ServerTls | None = None
    send_proxy: SendProxy | None = None
    number: int = 0
    track: ServerId | None = None
    source: str = ""
    slow_start: int = -1
    redirect: str = ""
    check: Check | None = None
    unchecked: bool = False
    agent: AgentCheck | None = None
    min_connections: int = 0
    full_connections: int = 0
    end_when_down: bool = False
    end_backups_when_up: bool = False
    user_timeout: Duration = NO_TIME
    max_reuse: int = -1
    initial: Initial = Initial.UP
    lookup: Lookup = Lookup()
    resolve_position: str = ""
