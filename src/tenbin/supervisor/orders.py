"""Orders from outside: signals and requests to reload or to stop.

Owns what each signal means. TERM lets work in progress end, a second TERM or INT ends it now, HUP and USR2 reload.
"""

from __future__ import annotations

import asyncio
import signal
from enum import Enum


class Order(Enum):
    """What is wanted; the later one outranks the earlier."""

    RUN = 0
    DRAIN = 1
    STOP = 2


class Orders:
    """What has been ordered so far; for one event loop."""

    def __init__(self) -> None:
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
        loop.add_signal_handler(signal.SIGTERM, self.terminate)
        loop.add_signal_handler(signal.SIGINT, self.give, Order.STOP)
        for number in (signal.SIGHUP, signal.SIGUSR2):
            loop.add_signal_handler(number, self.reload.set)

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
