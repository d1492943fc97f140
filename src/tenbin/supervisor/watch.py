"""When the files that a configuration names have changed: certificates, which others renew, at whatever hour.

Owns the comparison of what is there with what was there, and what is watched for it. What a change means is decided
by whoever waits.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from tenbin.clock import Clock

Stamps = dict[str, tuple[int, ...]]

_QUIET = 50
"""Milliseconds without a change, after which it is looked at: a certificate and its key are written together."""
_LONGEST = 250
_LOOK = 1000
"""Milliseconds between two looks in any case: not every file system tells of changes."""


class Watch:
    """Watches the files that `paths` names at the moment; `stamps` is how they were when they were read."""

    def __init__(self, paths: Callable[[], Collection[Path]], stamps: Stamps, clock: Clock) -> None:
        self._paths = paths
        self._seen = stamps
        self._clock = clock

    def read(self, stamps: Stamps) -> None:
        """They were read again, as they were then."""
        self._seen = stamps

    async def changed(self) -> None:
        """Wait until one of them is another file than the one that was seen last."""
        while not await self._differs():
            places = await asyncio.to_thread(_places, self._paths())
            if places:
                await self._stirred(places)
            else:
                await self._clock.sleep(_LOOK / 1000)

    async def changed_within(self, seconds: float) -> bool:
        """Wait so long for `changed`; return whether it came."""
        try:
            async with asyncio.timeout(seconds):
                await self.changed()
        except TimeoutError:
            return False
        return True

    async def _stirred(self, places: dict[Path, int]) -> None:
        """Wait until something may have changed in these directories, or they are others."""
        try:
            await self._told(places)
        except OSError:
            # One of them is gone already, or the system watches as many as it may.
            await self._clock.sleep(_LOOK / 1000)

    async def _told(self, places: dict[Path, int]) -> None:
        from watchfiles import awatch

        events = awatch(
            *places,
            recursive=False,
            debounce=_LONGEST,
            step=_QUIET,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
            ignore_permission_denied=True,
            watch_filter=None,
        )
        async with aclosing(events):
            async for changes in events:
                found = await asyncio.to_thread(stamps, self._paths())
                if changes or found != self._seen or await asyncio.to_thread(_places, self._paths()) != places:
                    return

    async def _differs(self) -> bool:
        seen, now = self._seen, await asyncio.to_thread(stamps, self._paths())
        # Somebody else may have read them meanwhile.
        if seen is not self._seen or now == seen:
            return False
        self._seen = now
        return True


def stamps(paths: Iterable[Path]) -> Stamps:
    """Return what tells these files from their successors, without a look into them; () for what is not there."""
    return {str(path): _stamp(path) for path in paths}


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        # Of a link itself: where it leads is named as well.
        about = path.lstat()
    except OSError:
        return ()
    # The change of rights may be what makes it readable.
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _places(paths: Iterable[Path]) -> dict[Path, int]:
    """The directories in which names may come to stand for something else, and which ones they are."""
    found: dict[Path, int] = {}
    for path in paths:
        for place in (path.parent, path):
            try:
                if place not in found and place.is_dir():
                    found[place] = place.stat().st_ino
            except OSError:
                continue
    return found
