"""Names: what the resolver finds goes to the store and, as a sentence, to the journal.

Owns which names are looked up and what is said of those that have no address. Lookups are `tenbin.discovery`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.control.health import hosts
from tenbin.discovery import Resolver
from tenbin.observe import sentences
from tenbin.state.overlay import servers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.clock import Clock
    from tenbin.observe.sentences import Sentence
    from tenbin.state import State, Store

_AT_START = 1.0
"""Seconds that the first snapshot waits for names; those that take longer come with a later one."""

_EVERY = 1.0


class Names:
    """Resolves the names of the store's servers."""

    def __init__(self, store: Store, clock: Clock, say: Callable[[Sentence], object]) -> None:
        self._store = store
        self._clock = clock
        self._say = say
        self._resolver = Resolver(clock, self._found)
        self._complained: set[str] = set()

    async def first(self) -> None:
        """Look everything up before the first snapshot, for at most a second; never fails."""
        wanted = hosts(self._store.state)
        if wanted:
            for host, literals in (await self._resolver.resolve_now(wanted, _AT_START)).items():
                self._found(host, literals)

    def follow(self, state: State) -> None:
        """Resolve the names of this state from now on; servers that are new get what is known of theirs."""
        wanted = hosts(state)
        self._resolver.replace(wanted)
        for host in wanted:
            self._found(host, self._resolver.addresses(host))

    async def run(self) -> None:
        """Resolve until cancelled."""
        await self._resolver.run()

    async def complain(self) -> None:
        """Tell of names that do not resolve, once until they do; until cancelled."""
        while True:
            await self._clock.sleep(_EVERY)
            problems = self._resolver.problems()
            self._complained &= problems.keys()
            for host in problems.keys() - self._complained:
                self._complained.add(host)
                self._tell(host, problems[host])

    def _tell(self, host: str, reason: str) -> None:
        state = self._store.state
        for name, server in servers_of(state.config):
            if server.address.host == host and state.overlay.of(name).address is None:
                self._say(sentences.server_unresolved(name, host, reason))

    def _found(self, host: str, literals: tuple[str, ...]) -> None:
        before = self._store.state
        after = self._store.set_addresses(host, literals)
        if before is after:
            return
        for name, server in servers_of(after.config):
            address, old = after.overlay.of(name).address, before.overlay.of(name).address
            if server.address.host == host and address is not None and address != old:
                self._say(sentences.server_resolved(name, host, address, old))
