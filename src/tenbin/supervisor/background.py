"""Tasks that run as long as the process: a defect in one of them is told and does not end the others.

Owns their names, their restart and their end.
"""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

from tenbin.observe import sentences

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.clock import Clock
    from tenbin.observe.sentences import Sentence

_PAUSE = 1.0


class Background:
    """The tasks of one instance."""

    def __init__(self, clock: Clock, say: Callable[[Sentence], object]) -> None:
        self._clock = clock
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def forever(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` until the end, again and again if it fails."""
        self._add(name, self._repeat(name, work))

    def once(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` one time."""
        self._add(name, self._once(name, work))

    async def end(self) -> None:
        """Cancel everything and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _add(self, name: str, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(f"tenbin-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _once(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        await self._attempt(name, work)

    async def _repeat(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        while not await self._attempt(name, work):
            await self._clock.sleep(_PAUSE)

    async def _attempt(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except Exception:  # noqa: BLE001 - whatever it is, traffic goes on and an operator reads of it
            self._say(sentences.internal_error(name, traceback.format_exc()))
            return False
        return True
