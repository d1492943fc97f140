"""Choices by chance that are the same in every run with the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")


class Dice:
    """A seeded generator with the few throws that scenarios need."""

    def __init__(self, seed: int) -> None:
        self._clock = SystemClock(seed)

    def between(self, low: float, high: float) -> float:
        """Return a number of this range."""
        return low + (high - low) * (self._clock.jitter(0.5) + 0.5)

    def below(self, count: int) -> int:
        """Return a whole number from 0 up to `count`, without it."""
        return min(int(self.between(0, count)), count - 1)

    def pick(self, values: Sequence[T]) -> T:
        """Return one of these."""
        return values[self.below(len(values))]

    def shuffled(self, values: Iterable[T]) -> list[T]:
        """Return all of these in another order."""
        rest, found = list(values), []
        while rest:
            found.append(rest.pop(self.below(len(rest))))
        return found
