"""The protocol of a source of servers: something that knows, at any time, the whole set of a backend's servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tenbin.model import Server


class Source(Protocol):
    """Yields whole sets, never differences, so that a consumer that missed one is right again with the next.

    The first set comes as soon as it is known. A source that loses its registry keeps silent and goes on trying: it
    yields an empty set only when the registry says that there are no servers.
    """

    def servers(self) -> AsyncIterator[frozenset[Server]]:
        """Yield the set of servers whenever it changed; ends only when cancelled."""
