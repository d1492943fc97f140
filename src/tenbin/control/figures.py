"""Statistics: asked of the data plane once a second, and the last answer for whoever wants to know.

Owns the pace and the age of what is known. The figures themselves are `tenbin.plan.wire`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from tenbin.errors import DataplaneError

if TYPE_CHECKING:
    from tenbin.clock import Clock
    from tenbin.control.reconcile import Reconciler
    from tenbin.model import Config
    from tenbin.plan import wire

EVERY = 1.0
FRESH = 0.05
"""Seconds for which figures are as good as new."""
SHARE = 20
"""Asking takes at most one part in so many of the time."""
PATIENCE = 0.3
"""Seconds that somebody who looks waits for a data plane that does not answer."""


class Figures:
    """The data plane's last statistics."""

    def __init__(self, reconciler: Reconciler, clock: Clock) -> None:
        self._reconciler = reconciler
        self._clock = clock
        self._stats: wire.Stats | None = None
        self._taken = 0.0

    @property
    def last(self) -> wire.Stats | None:
        """What was counted when it was asked last, by whichever data plane that was."""
        return self._stats

    @property
    def current(self) -> wire.Stats | None:
        """The same, unless no data plane serves now."""
        return self._stats if self._reconciler.plane is not None else None

    @property
    def age(self) -> float:
        """How many seconds ago that was."""
        return max(self._clock.now() - self._taken, 0.0)

    async def take(self) -> None:
        """Ask now; what cannot be had leaves what is known."""
        plane = self._reconciler.plane
        if plane is None:
            return
        try:
            stats = await plane.stats()
        except DataplaneError:
            return
        if plane is self._reconciler.plane:
            self._stats, self._taken = stats, self._clock.now()

    async def freshen(self) -> None:
        """Ask now for somebody who looks; old figures are better than none."""
        if self.age > FRESH:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.take(), PATIENCE)

    async def run(self) -> None:
        """Ask every second until cancelled; less often when there is so much to tell that asking costs."""
        while True:
            begin = self._clock.now()
            await self.take()
            await self._clock.sleep(max(EVERY, SHARE * (self._clock.now() - begin)))

    def connections(self, config: Config) -> int:
        """Return how many client connections there are on frontends that `config` has too."""
        if self._stats is None:
            return 0
        names = {frontend.name for frontend in config.frontends}
        return sum(entry.current for entry in self._stats.frontends if entry.name in names)
