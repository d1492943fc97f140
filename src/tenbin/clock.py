"""The only door to time and randomness.

Everything above takes a `Clock`; tests hand in their own. Monotonic time is in seconds and never jumps,
wall time is for logs and cookies only.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - this is the door
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a component may know of time and chance."""

    def now(self) -> float:
        """Seconds on the monotonic clock."""

    def wall(self) -> datetime:
        """The date and time in UTC, for people."""

    async def sleep(self, seconds: float) -> None:
        """Wait; negative or zero yields once."""

    def jitter(self, fraction: float) -> float:
        """Return a uniform number in [-fraction, +fraction]."""


class SystemClock:
    """The machine's clocks and a seeded generator (`seed` None: from the system)."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - spreading load, not secrets; this is the door

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return time.monotonic()  # noqa: TID251 - this is the door

    def wall(self) -> datetime:
        """The date and time in UTC, for people."""
        return datetime.now(UTC)  # noqa: TID251 - this is the door

    async def sleep(self, seconds: float) -> None:
        """Wait; negative or zero yields once."""
        await asyncio.sleep(max(seconds, 0.0))  # noqa: TID251 - this is the door

    def jitter(self, fraction: float) -> float:
        """Return a uniform number in [-fraction, +fraction]."""
        return self._random.uniform(-fraction, fraction)
