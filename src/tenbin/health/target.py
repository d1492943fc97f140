"""What is checked and what is told about it: the values that go into and come out of the checker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.model import Address

if TYPE_CHECKING:
    from tenbin.health.result import CheckResult
    from tenbin.model import Check, Health, ServerId


@dataclass(frozen=True, slots=True)
class Target:
    """A server to check: its literal address, how to check it, and what its health is at the start."""

    id: ServerId
    address: Address
    check: Check
    health: Health

    @property
    def where(self) -> Address:
        """The address that the probe goes to: the check's own host and port, else the server's."""
        host, port = self.check.host, self.check.port
        return Address(host or self.address.host, port or self.address.port) if host or port else self.address

    @property
    def within(self) -> float:
        """The seconds that a check may take: its timeout, or its interval where it has none."""
        return self.check.timeout.seconds or self.check.every.seconds


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
    """A server's health changed; `reason` reads `L4CON connection refused (3 of 3 checks)`."""

    id: ServerId
    old: Health
    new: Health
    reason: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """A server's standing with the checker.

    `passes` and `failures` count checks in a row, one of them is 0. `value` is HAProxy's `check_health`, 0 to
    rise + fall - 1, and at least rise while the server is up. The totals and `downs` (times it went down) count
    from when the server was first known. `running`: a check is under way.
    """

    health: Health
    passes: int
    failures: int
    rise: int
    fall: int
    value: int
    passed_total: int
    failed_total: int
    downs: int
    running: bool
    last: CheckResult | None
