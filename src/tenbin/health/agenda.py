"""What is due when: a heap of times, and the spreading of checks over them. Pure; knows neither clock nor probes."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from tenbin.model import Duration, ServerId

# Seconds in which the first round of checks is over, however long the interval.
FIRST_ROUND = 1.0
# The shortest interval, in seconds; also what a configured 0 means.
SHORTEST = 0.01


class Agenda:
    """Each server's next time, in monotonic seconds; setting another one replaces it."""

    def __init__(self) -> None:
        self._due: dict[ServerId, float] = {}
        self._heap: list[tuple[float, ServerId]] = []

    def set(self, server: ServerId, due: float) -> None:
        """Make the server due at this time only."""
        self._due[server] = due
        heapq.heappush(self._heap, (due, server))

    def may_come(self, server: ServerId, due: float) -> bool:
        """Whether the server is due, but only later than this time."""
        return self._due.get(server, due) > due

    def drop(self, server: ServerId) -> None:
        """Make the server due no more."""
        self._due.pop(server, None)

    def next(self) -> float | None:
        """Return the earliest time."""
        while self._heap:
            due, server = self._heap[0]
            if self._due.get(server) == due:
                return due
            heapq.heappop(self._heap)
        return None

    def take(self, now: float) -> list[ServerId]:
        """Return the servers that are due by now, earliest first; they are due no more."""
        taken = []
        while (due := self.next()) is not None and due <= now:
            _, server = heapq.heappop(self._heap)
            del self._due[server]
            taken.append(server)
        return taken


def first_delay(server: ServerId, every: Duration) -> float:
    """Return the seconds from the start to a server's first check: its own place in the first round."""
    early, _ = _places(server)
    return early * min(every.seconds, FIRST_ROUND)


def second_delay(server: ServerId, interval: float) -> float:
    """Return the seconds from the first check to the second: a quarter of the interval to all of it.

    The first round is short, so without this every later one would crowd into the same part of the interval.
    """
    _, late = _places(server)
    return interval * (0.25 + 0.75 * late)


def _places(server: ServerId) -> tuple[float, float]:
    """Return two numbers in [0, 1) that are the same for a server in every run."""
    digest = crc32(str(server).encode())
    return (digest & 0xFFFF) / 0x10000, (digest >> 16) / 0x10000
