"""Health: what checks find goes to the store and, as a sentence, to the journal.

Owns which servers are checked (those with an address that are not in maintenance), the count of usable servers that
the sentences tell, and when outages begin and end. How a server is checked is the business of `tenbin.health`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.control.haproxy import HaproxyWords
from tenbin.health import Checker, Target
from tenbin.health.result import CheckStatus
from tenbin.health.target import way
from tenbin.model import Admin, Health, ServerId
from tenbin.observe import sentences
from tenbin.observe.checks import CheckEntry, CheckSummary
from tenbin.plan import wire
from tenbin.plan.compile import effective_admin
from tenbin.state.overlay import servers_in, servers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.clock import Clock
    from tenbin.health import CheckResult, HealthChange
    from tenbin.model import Address, Config, Server, UnixAddress
    from tenbin.observe.outage import OutageBook
    from tenbin.observe.sentences import Sentence
    from tenbin.state import ServerOverlay, State, Store


class HealthWatch:
    """Checks the servers of the store's state and notes in `book` when they are out."""

    def __init__(self, store: Store, clock: Clock, say: Callable[[Sentence], object], book: OutageBook) -> None:
        self.book = book
        self._store = store
        self._clock = clock
        self._say = say
        self._checker = Checker(clock, self._changed)
        self._usable: dict[str, set[str]] = {}
        self._total: dict[str, int] = {}
        self._followers: dict[ServerId, list[ServerId]] = {}
        self.words = HaproxyWords(store, self._checker)
        self._checker.heard = self._heard_check

    async def run(self) -> None:
        """Check until cancelled."""
        await self._checker.run()

    def follow(self, state: State) -> None:
        """Check the servers of this state from now on."""
        self.words.follow(state.config)
        self._checker.replace(targets(state))
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
        view = self._checker.view(server)
        if not view.rise:
            return None
        last = view.last
        return CheckSummary(
            status=last.status if last else "INI",
            code=last.code if last else None,
            duration=last.duration if last else 0.0,
            text=last.text if last else "",
            description=(last.status if last else CheckStatus.INI).text,
            passes=view.passes,
            failures=view.failures,
            rise=view.rise,
            fall=view.fall,
            level=view.value,
            passed_total=view.passed_total,
            failed_total=view.failed_total,
            downs=view.downs,
            history=tuple(_entry(result) for result in self._checker.results(server)),
        )

    def heard(self, event: wire.Event) -> None:
        """Tell what the data plane said; a server that it took out is checked at once."""
        if isinstance(event, wire.NoticeEvent):
            self._say(sentences.notice(event))
            return
        up, total = self._count(event.backend)
        self._say(sentences.server_event(event, up=up, total=total))
        if event.event == "ejected":
            self._checker.trigger(ServerId(event.backend, event.server))

    def _changed(self, change: HealthChange) -> None:
        self._note(change)
        for follower in self._followers.get(change.id, ()):
            self._changed(replace(change, id=follower, reason=f"via {change.id}: {change.reason}"))

    def _note(self, change: HealthChange) -> None:
        server = change.id
        now = self._clock.now()
        state = self._store.set_health(server, change.new, change.reason, now)
        self.book.note(server, self._store.server(server), state.overlay.of(server), now)
        usable_servers = self._usable.setdefault(server.backend, set())
        before = len(usable_servers)
        if change.new is Health.DOWN:
            usable_servers.discard(server.server)
        elif usable(self._store.server(server), state.overlay.of(server)):
            usable_servers.add(server.server)
        up, total = self._count(server.backend)
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


def targets(state: State) -> Iterator[Target]:
    """Yield what is to be checked in a state."""
    for backend in state.config.backends:
        for name, server in servers_in(backend):
            check, entry = backend.check_of(server), state.overlay.of(name)
            address = address_of(server, entry)
            if check is not None and address is not None and effective_admin(server, entry) is not Admin.MAINT:
                yield Target(name, address, check, entry.health, way(check, server, backend.protocol))


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


def address_of(server: Server, entry: ServerOverlay) -> Address | UnixAddress | None:
    """Return the literal address of a server; None while its name is not resolved."""
    return entry.address or (server.address if server.address.is_literal else None)


def usable(server: Server, entry: ServerOverlay) -> bool:
    """Whether a server may get new work."""
    return (
        effective_admin(server, entry) is Admin.READY
        and entry.health is not Health.DOWN
        and address_of(server, entry) is not None
    )


def hosts(state: State) -> set[str]:
    """Return the names among the servers' addresses."""
    return {server.address.host for _, server in servers_of(state.config) if not server.address.is_literal}


def _entry(result: CheckResult) -> CheckEntry:
    return CheckEntry(result.status, result.code, result.duration, result.text, result.at)
