"""Names to addresses: looked up in threads, again and again, keeping the last answer when a lookup fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tenbin.clock import Clock


class Resolver:
    """Resolves a set of names and calls `found` with a name and its addresses whenever these changed."""

    def __init__(self, clock: Clock, found: Callable[[str, tuple[str, ...]], None]) -> None:
        self._clock = clock
        self._found = found

    def replace(self, hosts: Iterable[str]) -> None:
        """Resolve exactly these names from now on; known ones keep their answers and schedule."""
        raise NotImplementedError

    async def run(self) -> None:
        """Resolve until cancelled."""
        raise NotImplementedError

    async def resolve_now(self, hosts: Iterable[str], timeout: float) -> Mapping[str, tuple[str, ...]]:  # noqa: ASYNC109
        """Return what is found of these names within `timeout` seconds; () for one that is not. Never raises."""
        raise NotImplementedError
