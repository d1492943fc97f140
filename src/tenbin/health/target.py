"""What is checked and what is told about it: the values that go into and come out of the checker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tenbin.model import Address, AsServer, Protocol, UnixAddress
from tenbin.model.tls import ANY_HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.health.result import CheckResult
    from tenbin.model import Check, Health, SendProxy, Server, ServerId, ServerTls


@dataclass(frozen=True, slots=True)
class Way:
    """What a check's connection begins with and what is spoken on it, in force for one server."""

    tls: ServerTls | None
    send_proxy: SendProxy | None
    protocol: Protocol


PLAIN = Way(None, None, Protocol.HTTP1)
"""HTTP/1.1, if anything, on a bare connection."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a check may tell of the server and the proxy that it belongs to, at one moment.

    `text` is the server's state as HAProxy words it; `weight` of `total`; `proxy` is the address of the section's own
    listener, None for one that has none. `current` of `beside` connections are the server's.
    """

    up: bool = True
    text: str = "UP"
    node: str = ""
    number: int = 0
    proxy_number: int = 0
    proxy: Address | UnixAddress | None = None
    address: Address | UnixAddress | None = None
    tls: bool = False
    max_connections: int = 0
    weight: int = 0
    total: int = 0
    current: int = 0
    beside: int = 0
    queue: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A server to check: its literal address, how to check it, what its health is at the start, how to reach it.

    `eager`: when it is down at the start, the first check that passes makes it up.
    `look` tells what surrounds it, for those checks that tell that on.
    """

    id: ServerId
    address: Address | UnixAddress
    check: Check
    health: Health
    way: Way = PLAIN
    eager: bool = False
    look: Callable[[ServerId], Surroundings] | None = field(default=None, compare=False)

    @property
    def around(self) -> Surroundings:
        """What surrounds it now."""
        return self.look(self.id) if self.look is not None else Surroundings(address=self.address)

    @property
    def where(self) -> Address | UnixAddress:
        """The address that the probe goes to: the check's own host and port, else the server's."""
        host, port = self.check.host, self.check.port
        if not host and (not port or isinstance(self.address, UnixAddress)):
            return self.address
        return Address(host or self.address.host, port or self.address.port)

    @property
    def name(self) -> str:
        """Whom a certificate must be for; "" where anybody's will do, and no name is asked for."""
        tls = self.way.tls
        if tls is None or tls.sni:
            return tls.sni if tls is not None else ""
        return "" if tls.host == ANY_HOST else self.where.host

    @property
    def within(self) -> float:
        """The seconds that a check may take: its timeout, or its interval where it has none."""
        return self.check.timeout.seconds or self.check.every.seconds

    @property
    def authority(self) -> str:
        """What Host says unless the check names one: with TLS the name that was asked for, else the address."""
        where, tls = self.where, self.way.tls
        if isinstance(where, UnixAddress):
            return tls.sni if tls is not None and tls.sni else "localhost"
        if tls is None:
            return str(where)
        host = Address(tls.sni or where.host, where.port)
        return str(host).removesuffix(":443")


def way(check: Check, server: Server, protocol: Protocol) -> Way:
    """Return how a server of a backend that speaks this protocol is checked."""
    tls = server.tls if check.tls is AsServer.AS_SERVER else check.tls
    if tls is not None and not tls.sni and tls.host != ANY_HOST:
        tls = replace(tls, sni=tls.host or _name(check, server))
    return Way(
        tls=tls,
        send_proxy=server.send_proxy if check.send_proxy is AsServer.AS_SERVER else check.send_proxy,
        protocol=protocol if check.protocol is AsServer.AS_SERVER else check.protocol,
    )


def _name(check: Check, server: Server) -> str:
    """The name that a certificate must hold; "" where there is only an address."""
    if check.host:
        host = Address(check.host, server.address.port)
        return "" if host.is_literal else check.host
    if server.tls is not None and server.tls.sni:
        return server.tls.sni
    return "" if server.address.is_literal else server.address.host.rstrip(".")


@dataclass(frozen=True, slots=True)
class CheckedServer:
    """What a Python check is called with; `host` and `port` are where to connect."""

    backend: str
    name: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """`host:port`, with brackets around an IPv6 address."""
        return str(Address(self.host, self.port))


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A server's health changed; `reason` reads `L4CON connection refused (3 of 3 checks)`.

    `stopping`: it is up and wants no new work, or does again with the same health.
    """

    id: ServerId
    old: Health
    new: Health
    reason: str
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class CheckView:
    """A server's standing with the checker.

    `passes` and `failures` count checks in a row, one of them is 0. `value` is HAProxy's `check_health`, 0 to
    rise + fall - 1, and at least rise while the server is up. The totals and `downs` (times it went down) count
    from when the server was first known; `failed_alive` are the failures of a server that was not quite down;
    `suspicions`: how often requests met too many errors. `running`: a check is under way.
    """

    health: Health
    passes: int
    failures: int
    rise: int
    fall: int
    value: int
    passed_total: int
    failed_total: int
    failed_alive: int
    suspicions: int
    downs: int
    running: bool
    last: CheckResult | None
