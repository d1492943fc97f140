"""Orders from outside: signals and requests to reload or to stop.

Owns what becomes of each; `Manner` says what signals mean. Of its own, TERM lets work in progress end, a second TERM
or INT ends it now, HUP and USR2 reload.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING

from tenbin.supervisor.manner import Manner, Meaning

if TYPE_CHECKING:
    import signal


class Order(Enum):
    """What is wanted; the later one outranks the earlier."""

    RUN = 0
    DRAIN = 1
    STOP = 2


class Orders:
    """What has been ordered so far; for one event loop."""

    def __init__(self, manner: Manner | None = None) -> None:
        self._meanings = (manner or Manner()).meanings
        self.signal: signal.Signals | None = None
        """The signal that ordered the end, if one did."""
        self._order = Order.RUN
        self._changed = asyncio.Event()
        self.reload = asyncio.Event()

    @property
    def order(self) -> Order:
        """What is wanted now."""
        return self._order

    def listen(self) -> None:
        """Take orders from signals."""
        loop = asyncio.get_running_loop()
        for number, meaning in self._meanings.items():
            loop.add_signal_handler(number, self._hear, number, meaning)

    def _hear(self, number: signal.Signals, meaning: Meaning) -> None:
        if meaning is Meaning.RELOAD:
            self.reload.set()
        elif meaning is not Meaning.NOTHING:
            self.signal = number
            if meaning is Meaning.GENTLY:
                self.terminate()
            else:
                self.give(Order.STOP if meaning is Meaning.STOP else Order.DRAIN)

    def terminate(self) -> None:
        """Drain, or stop when that was ordered before."""
        self.give(Order.STOP if self._order is Order.DRAIN else Order.DRAIN)

    def give(self, order: Order) -> None:
        """Order something; what outranks it stays."""
        if order.value > self._order.value:
            self._order = order
            self._changed.set()

    async def until(self, order: Order) -> None:
        """Wait until this or more is ordered."""
        while self._order.value < order.value:
            self._changed.clear()
            await self._changed.wait()
