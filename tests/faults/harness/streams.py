"""Long answers under way while something breaks: they may be cut, but then everybody must see it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.testing import ExchangeError, fetch

if TYPE_CHECKING:
    from tenbin.testing.client import Address

CHUNKS, SIZE, PAUSE = 40, 100, 100
"""An answer of four seconds, a piece every 100 ms."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How the answers ended: whole, visibly cut, or short of bytes and yet with a proper end."""

    whole: int
    broken: int
    pretended: int


class Streams:
    """Some answers that take their time, each in a thread."""

    def __init__(self, address: Address, count: int) -> None:
        self._lengths: list[int] = []
        self._errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(address,), daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def ended(self) -> int:
        """How many were cut so far."""
        return len(self._errors)

    def stop(self, deadline: float = 15.0) -> Ends:
        """Wait for all to end."""
        for thread in self._threads:
            thread.join(deadline)
        whole = sum(length == CHUNKS * SIZE for length in self._lengths)
        return Ends(whole, len(self._errors), len(self._lengths) - whole)

    def _run(self, address: Address) -> None:
        try:
            answer = fetch(address, f"/stream?chunks={CHUNKS}&bytes={SIZE}&pause={PAUSE}")
            self._lengths.append(len(answer.body))
        except ExchangeError as error:
            self._errors.append(error)
