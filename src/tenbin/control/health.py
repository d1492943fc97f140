"""Health: what checks find goes to the store and, as a sentence, to the journal.

Owns which servers are checked (those with an address that are not in maintenance), and what follows from what is found:
the health of a server and of those that follow it, and when outages begin and end. How a server is checked is the
business of `tenbin.health`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.control.agents import Agents
from tenbin.control.haproxy import HaproxyWords, suspicion
from tenbin.control.outcomes import summary
from tenbin.control.serving import Serving
from tenbin.control.steered import Steered
from tenbin.control.vicinity import Vicinity
from tenbin.health import Checker, HealthChange, Target
from tenbin.health.target import way
from tenbin.model import Admin, Health, Initial, ServerId
from tenbin.observe import sentences
from tenbin.plan import wire
from tenbin.plan.compile import effective_admin, literal_address
from tenbin.state.overlay import INITIAL, is_new, servers_in, servers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.clock import Clock
    from tenbin.health.result import CheckResult
    from tenbin.health.target import Surroundings
    from tenbin.model import Config
    from tenbin.observe.checks import CheckSummary
    from tenbin.observe.outage import OutageBook
    from tenbin.observe.sentences import Sentence
    from tenbin.state import State, Store


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
        self._serving = Serving(store)
        self.words = HaproxyWords(store, self._serving)
        self._steered = Steered(store, clock, say, book, (self._serving, self.words))
        self._steered.renewed = self._renewed
        self.steered = self._steered.changed
        """Somebody changed what is wanted of a server that was as the second argument says."""
        self._agents = Agents(store, clock, self._agent_changed, self.steered)
        self._vicinity = Vicinity(store, counted, self.summary)
        self._checker.checked = lambda server, result: self._heard_check(self._checker, server, result, "Health")
        self._agents.checker.checked = lambda server, result: self._heard_check(
            self._agents.checker, server, result, "Agent"
        )

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
        self._steered.followers = followers(state.config)
        self._catch_up(state)
        self._serving.follow(self._store.state)

    def _catch_up(self, state: State) -> None:
        """Give servers that follow another one the state that it has already."""
        following = {name: leader for leader, names in self._steered.followers.items() for name in names}
        for name, leader in following.items():
            entry, led = state.overlay.of(name), state.overlay.of(leader)
            if led.health is not Health.UNKNOWN and (entry.health, entry.stopping) != (led.health, led.stopping):
                why, now = f"via {leader}", self._clock.now()
                self._store.set_health(name, led.health, why, now, stopping=led.stopping)
            self._store.set_led(name, self._wanted_above(name, following))
        for name, entry in state.overlay.servers.items():
            if entry.led is not Admin.READY and name not in following:
                self._store.set_led(name, Admin.READY)

    def _wanted_above(self, name: ServerId, following: dict[ServerId, ServerId]) -> Admin:
        found = set()
        while (leader := following.get(name)) is not None:
            configured, entry = self._store.server(leader), self._store.state.overlay.of(leader)
            found.add(entry.admin or configured.admin)
            name = leader
        return next((admin for admin in (Admin.MAINT, Admin.DRAIN) if admin in found), Admin.READY)

    def summary(self, server: ServerId) -> CheckSummary | None:
        """Return a server's standing with its check; None for one that is not checked."""
        return summary(self._checker, server)

    def agent(self, server: ServerId) -> CheckSummary | None:
        """Return a server's standing with its agent; None for one without."""
        return self._agents.summary(server)

    def set_health(self, server: ServerId, health: Health, *, stopping: bool = False) -> None:
        """Let a server be up, up without new work, or down until its check says otherwise."""
        before = self._store.state.overlay.of(server)
        self._checker.force(server, health, stopping=stopping)
        if (before.health is Health.DOWN, before.stopping) != (health is Health.DOWN, stopping):
            self._spread(HealthChange(server, before.health, health, "changed over the runtime API", stopping), None)

    def set_agent(self, server: ServerId, health: Health) -> None:
        """Let a server's agent have said that it is up or down."""
        before = self._store.state.overlay.of(server).health
        self._agents.force(server, health)
        self._agent_changed(HealthChange(server, before, health, "agent, set over the runtime API"), by_hand=True)

    def heard(self, event: wire.Event) -> None:
        """Tell what the data plane said; a server that it took out is checked at once."""
        if isinstance(event, wire.NoticeEvent):
            self._say(sentences.notice(event))
            return
        if isinstance(event, wire.SuspectEvent):
            self._checker.suspect(ServerId(event.backend, event.server), suspicion(event))
            return
        up, total = self._serving.count(event.backend)
        self._say(sentences.server_event(event, up=up, total=total))
        if event.event == "ejected":
            self._checker.trigger(ServerId(event.backend, event.server))

    def _renewed(self, server: ServerId) -> Health:
        """A server leaves maintenance: its check begins anew, and its agent has said what it has said."""
        initial = self._store.server(server).initial
        self._checker.force(server, INITIAL[initial], eager=initial is Initial.DOWN)
        return INITIAL[initial] if self._agents.are_content(server) else Health.DOWN

    def _changed(self, change: HealthChange) -> None:
        """A check says so; that a server is up must be said by its agent, too."""
        if change.new is not Health.UP or self._agents.are_content(change.id):
            self._spread(change, _latest(self._checker, change.id))

    def _agent_changed(self, change: HealthChange, *, by_hand: bool = False) -> None:
        known, checked = self._store.state.overlay.of(change.id).health, self._checker.view(change.id).health
        if change.new is not known and (change.new is not Health.UP or checked is not Health.DOWN):
            self._spread(change, None if by_hand else _latest(self._agents.checker, change.id))

    def _spread(self, change: HealthChange, found: CheckResult | None) -> None:
        """Note a change, and that of the servers that follow; `found` None: an operator says so."""
        self._note(change, found)
        for follower in reversed(self._steered.followers.get(change.id, ())):
            self._spread(replace(change, id=follower, reason=f"via {change.id}: {change.reason}"), found)

    def _note(self, change: HealthChange, found: CheckResult | None) -> None:
        server, now = change.id, self._clock.now()
        before = self._store.state.overlay.of(server)
        state = self._store.set_health(server, change.new, change.reason, now, stopping=change.stopping)
        self.book.note(server, self._store.server(server), state.overlay.of(server), now)
        ended = self._serving.changed(server)
        up, total = self._serving.count(server.backend)
        if change.stopping:
            said = sentences.server_stopping(server, change.reason, up=up, total=total)
        else:
            said = sentences.server_health(server, change.new, change.reason, up=up, total=total)
        self._say(self.words.met(said, server, before, found))
        if ended is not None:
            self._say(self.words.with_kind(ended, server.backend))

    def _heard_check(self, checker: Checker, server: ServerId, result: CheckResult, asked: str) -> None:
        sentence = self.words.checked(server, result, checker.view(server), asked)
        if sentence is not None:
            self._say(sentence)


def _latest(checker: Checker, server: ServerId) -> CheckResult | None:
    return next(iter(checker.results(server)), None)


def targets(state: State, look: Callable[[ServerId], Surroundings] | None = None) -> Iterator[Target]:
    """Yield what is to be checked in a state; `look` tells what surrounds a server."""
    for backend in state.config.backends:
        for name, server in servers_in(backend):
            check, entry = backend.check_of(server), state.overlay.of(name)
            address = literal_address(server, entry)
            if check is not None and address is not None and effective_admin(server, entry) is not Admin.MAINT:
                eager = server.initial is Initial.DOWN and is_new(entry)
                yield Target(name, address, check, entry.health, way(check, server, backend.protocol), eager, look)


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


def hosts(state: State) -> set[str]:
    """Return the names among the servers' addresses."""
    return {server.address.host for _, server in servers_of(state.config) if not server.address.is_literal}
