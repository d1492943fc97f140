"""Agents beside servers: what they say becomes weights, admin states, limits and health.

Owns which servers have an agent that is asked, and what its words change. That a server is up only when its check and
its agent both say so is decided by `tenbin.control.health`, which is told of what changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.control.outcomes import summary
from tenbin.health import Checker, Target
from tenbin.model import Check, Health
from tenbin.plan.compile import literal_address
from tenbin.state.overlay import servers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.clock import Clock
    from tenbin.health import HealthChange
    from tenbin.health.result import Said
    from tenbin.model import AgentCheck, Server, ServerId
    from tenbin.observe.checks import CheckSummary
    from tenbin.state import ServerOverlay, State, Store

_HEAVIEST = 256


class Agents:
    """Asks the agents of the store's state; `report` hears what that does to health, `steered` of what they want."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        report: Callable[[HealthChange], None],
        steered: Callable[[ServerId, ServerOverlay], object],
    ) -> None:
        self._store = store
        self._report = report
        self._steered = steered
        self._down: set[ServerId] = set()
        self.checker = Checker(clock, self._changed, heard=self._heard)

    async def run(self) -> None:
        """Ask until cancelled."""
        await self.checker.run()

    def follow(self, state: State) -> None:
        """Ask the agents of this state from now on; what they said last still holds."""
        asked = list(self._targets(state))
        self.checker.replace(asked)
        self._down &= {name for name, server in servers_of(state.config) if server.agent is not None}

    def are_content(self, server: ServerId) -> bool:
        """Whether no agent says that the server is down."""
        return server not in self._down

    def force(self, server: ServerId, health: Health) -> None:
        """Let an agent have said so."""
        self.checker.force(server, health)
        (self._down.add if health is Health.DOWN else self._down.discard)(server)

    def summary(self, server: ServerId) -> CheckSummary | None:
        """Return the standing of a server with its agent; None where none is asked."""
        return summary(self.checker, server)

    def _targets(self, state: State) -> Iterator[Target]:
        for name, server in servers_of(state.config):
            agent, entry = server.agent, state.overlay.of(name)
            address = literal_address(server, entry)
            if agent is not None and agent.enabled and address is not None:
                yield Target(name, address, _check(agent), Health.UP if self.are_content(name) else Health.DOWN)

    def _changed(self, change: HealthChange) -> None:
        (self._down.add if change.new is Health.DOWN else self._down.discard)(change.id)
        self._report(change)

    def _heard(self, name: ServerId, said: Said) -> None:
        server, before = self._store.server(name), self._store.state.overlay.of(name)
        wanted: dict[str, object] = {}
        if said.admin is not None:
            wanted["admin"] = None if said.admin is server.admin else said.admin
        if said.percent is not None:
            weight = _part(server, said.percent)
            wanted["weight"] = None if weight == server.weight else weight
        if said.max_connections is not None:
            limit = said.max_connections
            wanted["max_connections"] = None if limit == server.max_connections else limit
        self._store.set_by_agent(name, wanted)
        self._steered(name, before)


def _part(server: Server, percent: int) -> int:
    return min(server.weight * percent // 100, _HEAVIEST)


def _check(agent: AgentCheck) -> Check:
    """One word is enough, either way."""
    return Check(
        probe=agent,
        every=agent.every,
        fast=agent.every,
        down=agent.every,
        timeout=agent.every,
        rise=1,
        fall=1,
        jitter=0.0,
        port=agent.port,
        host=agent.host,
    )
