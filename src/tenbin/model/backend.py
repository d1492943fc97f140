"""The server side: servers, how to choose, remember, check, retry and queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tenbin.model.tls import Protocol

if TYPE_CHECKING:
    from tenbin.model.balance import Balance
    from tenbin.model.check import Check
    from tenbin.model.expression import Expression
    from tenbin.model.frontend import Mode
    from tenbin.model.server import Eject, Server
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

    `budget` is the percentage of requests that may be retries.
    """

    attempts: int
    statuses: tuple[int, ...]
    budget: int


@dataclass(frozen=True, slots=True)
class StickyCookie:
    """A cookie that Tenbin sets: opaque and signed, or (`plain`) the server's cookie value.

    `max_idle` and `max_life` 0 for no limit; `attributes` are appended as they are, such as `Path=/`, `HttpOnly`.
    """

    name: str
    plain: bool
    attributes: tuple[str, ...]
    max_idle: Duration
    max_life: Duration


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

    `connect`, `server` (the server sends or takes nothing), `queue` and `tunnel` are timeouts. `max_queue` bounds
    the requests that wait for any server (0: no limit). `drain_sticky`: sticky clients stay on a draining server.
    `slow_start` 0 for none.
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
