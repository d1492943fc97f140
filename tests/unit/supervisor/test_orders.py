"""What signals mean."""

from __future__ import annotations

import asyncio
import os
import signal

from tenbin.supervisor.orders import Order, Orders


def test_term_drains_and_a_second_one_stops() -> None:
    async def run() -> None:
        orders = Orders()
        orders.listen()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(orders.until(Order.DRAIN), 5)
        assert orders.order is Order.DRAIN
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(orders.until(Order.STOP), 5)

    asyncio.run(run())


def test_int_stops_at_once_and_nothing_takes_that_back() -> None:
    async def run() -> None:
        orders = Orders()
        orders.listen()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(orders.until(Order.STOP), 5)
        orders.give(Order.DRAIN)
        assert orders.order is Order.STOP

    asyncio.run(run())


def test_hup_and_usr2_reload() -> None:
    async def run() -> None:
        orders = Orders()
        orders.listen()
        for number in (signal.SIGHUP, signal.SIGUSR2):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(orders.reload.wait(), 5)
            orders.reload.clear()
        assert orders.order is Order.RUN

    asyncio.run(run())
