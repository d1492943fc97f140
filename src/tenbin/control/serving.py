"""How many servers of each backend may get new work.

Owns these counts, and what is said when the last one goes or the first one comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.observe import sentences
from tenbin.observe.outage import gets_work
from tenbin.state.overlay import servers_in

if TYPE_CHECKING:
    from tenbin.model import ServerId
    from tenbin.observe.sentences import Sentence
    from tenbin.state import State, Store


class Serving:
    """Counts the servers of a store's state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usable: dict[str, set[str]] = {}
        self._total: dict[str, int] = {}

    def follow(self, state: State) -> None:
        """Count the servers of this state."""
        self._total = {backend.name: len(backend.servers) for backend in state.config.backends}
        self._usable = {
            backend.name: {
                name.server for name, server in servers_in(backend) if gets_work(server, state.overlay.of(name))
            }
            for backend in state.config.backends
        }

    def count(self, backend: str) -> tuple[int, int]:
        """Return how many there are that may get work, and how many in all."""
        return len(self._usable.get(backend, ())), self._total.get(backend, 0)

    def usable(self, backend: str) -> frozenset[str]:
        """Return those that may get work."""
        return frozenset(self._usable.get(backend, ()))

    def changed(self, server: ServerId) -> Sentence | None:
        """Count a change of one server; return what there is to say of its backend."""
        usable = self._usable.setdefault(server.backend, set())
        before = len(usable)
        if gets_work(self._store.server(server), self._store.state.overlay.of(server)):
            usable.add(server.server)
        else:
            usable.discard(server.server)
        up, total = self.count(server.backend)
        if before and not up:
            return sentences.backend_lost(server.backend, total)
        if up and not before:
            return sentences.backend_returned(server.backend, up=up, total=total)
        return None
