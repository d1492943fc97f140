"""Health: what checks find goes to the store and, as a sentence, to the journal.

Owns which servers are checked (those with an address that are not in maintenance), the count of usable servers that
the sentences tell, and when outages begin and end. How a server is checked is the business of `tenbin.health`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.control.agents import Agents
from tenbin.control.haproxy import HaproxyWords, suspicion
from tenbin.control.outcomes import summary
from tenbin.control.vicinity import Vicinity
from tenbin.health import Checker, HealthChange, Target
from tenbin.health.target import way
from tenbin.model import Admin, Health, ServerId
from tenbin.observe import sentences
from tenbin.plan import wire
from tenbin.plan.compile import effective_admin, literal_address
from tenbin.state.overlay import servers_in, servers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.clock import Clock
    from tenbin.health.result import CheckResult
    from tenbin.health.target import Surroundings
    from tenbin.model import Config, Server
    from tenbin.observe.checks import CheckSummary
    from tenbin.observe.outage import OutageBook
    from tenbin.observe.sentences import Sentence
    from tenbin.state import ServerOverlay, State, Store


class HealthWatch:
    """Checks the servers of the store's state and notes in `book` when they are out."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        say: Callable[[Sentence], object],
        book: OutageBook,
        counted: Callable[[], wire.Stats | None] = lambda: None,
    ) -> None:
        self.book = book
        self._store = store
        self._clock = clock
        self._say = say
        self._checker = Checker(clock, self._changed)
        self._agents = Agents(store, clock, say, self._agent_changed)
        self._vicinity = Vicinity(store, counted, self.summary)
        self._usable: dict[str, set[str]] = {}
        self._total: dict[str, int] = {}
        self._followers: dict[ServerId, list[ServerId]] = {}
        self.words = HaproxyWords(store, self._checker)
        self._checker.checked = self._heard_check

    async def run(self) -> None:
        """Check until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._checker.run())
            group.create_task(self._agents.run())

    def follow(self, state: State) -> None:
        """Check the servers of this state from now on."""
        self.words.follow(state.config)
        self._checker.replace(targets(state, self._vicinity.of))
        self._agents.follow(state)
        self.book.follow(state, self._clock.now())
        self._followers = followers(state.config)
        self._catch_up(state)
        self._total = {backend.name: len(backend.servers) for backend in state.config.backends}
        self._usable = {
            backend.name: {
                name.server for name, server in servers_in(backend) if usable(server, state.overlay.of(name))
            }
            for backend in state.config.backends
        }

    def _catch_up(self, state: State) -> None:
        """Give servers that follow another one the health that it has already."""
        for leader, following in self._followers.items():
            health = state.overlay.of(leader).health
            for name in following:
                if health is not Health.UNKNOWN and state.overlay.of(name).health is not health:
                    self._store.set_health(name, health, f"via {leader}", self._clock.now())

    def steered(self, server: ServerId) -> None:
        """An operator has changed this server."""
        state = self._store.state
        self.book.note(server, self._store.server(server), state.overlay.of(server), self._clock.now())

    def summary(self, server: ServerId) -> CheckSummary | None:
        """Return a server's standing with its check; None for one that is not checked."""
        return summary(self._checker, server)

    def agent(self, server: ServerId) -> CheckSummary | None:
        """Return a server's standing with its agent; None for one without."""
        return self._agents.summary(server)

    def set_health(self, server: ServerId, health: Health) -> None:
        """Let a server be up or down until its check says otherwise."""
        self._checker.force(server, health)
        self._store.set_health(server, health, "set over the runtime API", self._clock.now())
        self.follow(self._store.state)

    def set_agent(self, server: ServerId, health: Health) -> None:
        """Let a server's agent have said that it is up or down."""
        before = self._store.state.overlay.of(server).health
        self._agents.force(server, health)
        self._agent_changed(HealthChange(server, before, health, "agent, set over the runtime API"))

    def heard(self, event: wire.Event) -> None:
        """Tell what the data plane said; a server that it took out is checked at once."""
        if isinstance(event, wire.NoticeEvent):
            self._say(sentences.notice(event))
            return
        if isinstance(event, wire.SuspectEvent):
            self._checker.suspect(ServerId(event.backend, event.server), suspicion(event))
            return
        up, total = self._count(event.backend)
        self._say(sentences.server_event(event, up=up, total=total))
        if event.event == "ejected":
            self._checker.trigger(ServerId(event.backend, event.server))

    def _changed(self, change: HealthChange) -> None:
        """A check says so; that a server is up must be said by its agent, too."""
        if change.new is not Health.UP or self._agents.are_content(change.id):
            self._spread(change)

    def _agent_changed(self, change: HealthChange) -> None:
        known, checked = self._store.state.overlay.of(change.id).health, self._checker.view(change.id).health
        if change.new is not known and (change.new is not Health.UP or checked is not Health.DOWN):
            self._spread(change)

    def _spread(self, change: HealthChange) -> None:
        self._note(change)
        for follower in self._followers.get(change.id, ()):
            self._spread(replace(change, id=follower, reason=f"via {change.id}: {change.reason}"))

    def _note(self, change: HealthChange) -> None:
        server = change.id
        now = self._clock.now()
        state = self._store.set_health(server, change.new, change.reason, now, stopping=change.stopping)
        self.book.note(server, self._store.server(server), state.overlay.of(server), now)
        usable_servers = self._usable.setdefault(server.backend, set())
        before = len(usable_servers)
        if change.new is Health.DOWN or change.stopping:
            usable_servers.discard(server.server)
        elif usable(self._store.server(server), state.overlay.of(server)):
            usable_servers.add(server.server)
        up, total = self._count(server.backend)
        if change.stopping:
            self._say(sentences.server_stopping(server, change.reason, up=up, total=total))
            return
        said = sentences.server_health(server, change.new, change.reason, up=up, total=total)
        self._say(self.words.with_standing(said, change, usable_servers))
        if before and not up:
            self._say(self.words.with_kind(sentences.backend_lost(server.backend, total), server.backend))
        elif up and not before:
            self._say(sentences.backend_returned(server.backend, up=up, total=total))

    def _heard_check(self, server: ServerId, result: CheckResult) -> None:
        sentence = self.words.checked(server, result)
        if sentence is not None:
            self._say(sentence)

    def _count(self, backend: str) -> tuple[int, int]:
        return len(self._usable.get(backend, ())), self._total.get(backend, 0)


def targets(state: State, look: Callable[[ServerId], Surroundings] | None = None) -> Iterator[Target]:
    """Yield what is to be checked in a state; `look` tells what surrounds a server."""
    for backend in state.config.backends:
        for name, server in servers_in(backend):
            check, entry = backend.check_of(server), state.overlay.of(name)
            address = literal_address(server, entry)
            if check is not None and address is not None and effective_admin(server, entry) is not Admin.MAINT:
                yield Target(name, address, check, entry.health, way(check, server, backend.protocol), look)


def followers(config: Config) -> dict[ServerId, list[ServerId]]:
    """Return which servers have the health of which; a server that only follows itself in the end is left out."""
    tracked = {name: server.track for name, server in servers_of(config) if server.track is not None}
    found: dict[ServerId, list[ServerId]] = {}
    for name, leader in tracked.items():
        seen, at = {name}, leader
        while (following := tracked.get(at)) is not None and at not in seen:
            seen.add(at)
            at = following
        if at not in seen:
            found.setdefault(leader, []).append(name)
    return found


def usable(server: Server, entry: ServerOverlay) -> bool:
    """Whether a server may get new work."""
    return (
        effective_admin(server, entry) is Admin.READY
        and entry.health is not Health.DOWN
        and literal_address(server, entry) is not None
    )


def hosts(state: State) -> set[str]:
    """Return the names among the servers' addresses."""
    return {server.address.host for _, server in servers_of(state.config) if not server.address.is_literal}
