"""What follows when somebody changes what is wanted of a server: an operator, its agent, or the server that it follows.

Owns the order of it: outages, what is said, the servers that follow. The wish itself is in the store already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model import Admin, Health
from tenbin.observe import sentences
from tenbin.plan.compile import effective_weight
from tenbin.state.overlay import wanted_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tenbin.clock import Clock
    from tenbin.control.haproxy import HaproxyWords
    from tenbin.control.serving import Serving
    from tenbin.model import ServerId
    from tenbin.observe.outage import OutageBook
    from tenbin.observe.sentences import Sentence
    from tenbin.state import ServerOverlay, Store


class Steered:
    """Tells of changed wishes, and passes them on; `renewed` hears of servers that begin anew after maintenance."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        say: Callable[[Sentence], object],
        book: OutageBook,
        told: tuple[Serving, HaproxyWords],
    ) -> None:
        self._store = store
        self._clock = clock
        self._say = say
        self._book = book
        self._serving, self._words = told
        self.followers: Mapping[ServerId, Sequence[ServerId]] = {}
        self.renewed: Callable[[ServerId], Health] = lambda _: Health.UNKNOWN

    def changed(self, server: ServerId, before: ServerOverlay) -> tuple[Sentence, ...]:
        """Tell of a server that was `before`; returns what was said of itself."""
        self._leave_maintenance(server, before)
        configured, entry = self._store.server(server), self._store.state.overlay.of(server)
        self._book.note(server, configured, entry, self._clock.now())
        ended = self._serving.changed(server)
        said = tuple(self._sentences(server, before))
        for sentence in said:
            self._say(sentence)
        if ended is not None:
            self._say(self._words.with_kind(ended, server.backend))
        wanted = wanted_of(configured, entry)
        # HAProxy's lists of followers begin with the one that came last.
        for follower in reversed(self.followers.get(server, ())):
            was = self._store.state.overlay.of(follower)
            if was.led is not wanted:
                self._store.set_led(follower, wanted)
                self.changed(follower, was)
        return said

    def _sentences(self, server: ServerId, before: ServerOverlay) -> Iterator[Sentence]:
        configured, after = self._store.server(server), self._store.state.overlay.of(server)
        old_weight, weight = effective_weight(configured, before), effective_weight(configured, after)
        if weight != old_weight:
            yield sentences.server_weight(server, old_weight, weight)
        old, new = before.admin or configured.admin, after.admin or configured.admin
        if old is not new:
            yield self._words.wanted(sentences.server_admin(server, old, new), server, before)
        elif before.led is not after.led:
            old, new = wanted_of(configured, before), wanted_of(configured, after)
            yield self._words.wanted(sentences.server_led(server, old, new), server, before)

    def _leave_maintenance(self, server: ServerId, before: ServerOverlay) -> None:
        """As in HAProxy, where its language is spoken, a server counts as up until its next check."""
        configured, entry = self._store.server(server), self._store.state.overlay.of(server)
        was, now = wanted_of(configured, before), wanted_of(configured, entry)
        if was is not Admin.MAINT or now is Admin.MAINT or not self._words.speaks(server.backend):
            return
        health, stopping = self.renewed(server), False
        if configured.track is not None:
            leader = self._store.state.overlay.of(configured.track)
            health, stopping = leader.health, leader.stopping
        if (health, stopping) != (entry.health, entry.stopping):
            self._store.set_health(server, health, "", self._clock.now(), stopping=stopping)
