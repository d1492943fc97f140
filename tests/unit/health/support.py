"""What tests of checks share: a clock that is moved by hand, short ways to make values, waiting for a condition."""

from __future__ import annotations

import asyncio
import heapq
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

from tenbin.health import Target
from tenbin.model import Address, Check, Duration, Health, HttpCheck, ServerId, TcpCheck

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from tenbin.model import Probe


# Properties hold however busy the machine is.
at_leisure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class ManualClock:
    """Time moves only by `advance` (everyone runs at their moment) and `stop` (nobody runs in between)."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now)

    async def sleep(self, seconds: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + max(seconds, 0), self._count, waiter))
        await waiter

    def jitter(self, fraction: float) -> float:  # noqa: ARG002 - always in the middle
        return 0.0

    async def advance(self, seconds: float) -> None:
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now = max(self._now, self._sleepers[0][0])
            await self._ring()
        self._now = end
        await settle()

    async def stop(self, seconds: float) -> None:
        self._now += seconds
        await self._ring()

    async def _ring(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)
        await settle()


async def settle() -> None:
    """Run until every task waits for something."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)  # noqa: TID251 - yields, does not wait
        if not loop._ready:  # type: ignore[attr-defined]
            return


async def until(condition: Callable[[], object], deadline: float = 10.0) -> None:
    """Wait until the condition holds; fails after `deadline` real seconds."""
    end = time.monotonic() + deadline  # noqa: TID251 - tests have no other clock
    while not condition():
        assert time.monotonic() < end, "the condition never held"  # noqa: TID251
        await asyncio.sleep(0.002)  # noqa: TID251 - between two looks


@asynccontextmanager
async def running(loop: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Run a component's `run()` in the background."""
    task = asyncio.ensure_future(loop)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ms(value: int) -> Duration:
    return Duration(value)


def check(probe: Probe | None = None, **fields: object) -> Check:
    """Every 2 s, 1 s in transition, 4 s while down, 3 failures down, 2 passes up, unless told otherwise."""
    settings: dict[str, object] = {
        "every": 2000, "fast": 1000, "down": 4000, "timeout": 1000,
        "rise": 2, "fall": 3, "jitter": 0.0, "port": 0, "host": "",
        **fields,
    }  # fmt: skip
    for name in ("every", "fast", "down", "timeout"):
        settings[name] = Duration(settings[name])  # type: ignore[arg-type]
    return Check(probe=probe or TcpCheck(), **settings)  # type: ignore[arg-type]


def http(**fields: object) -> HttpCheck:
    settings = {"method": "GET", "path": "/health", "headers": (), "statuses": ((200, 299),), "body": "", **fields}
    return HttpCheck(**settings)  # type: ignore[arg-type]


def target(
    name: str = "s1", port: int = 80, how: Check | None = None, health: Health = Health.UNKNOWN, host: str = "127.0.0.1"
) -> Target:
    return Target(ServerId("app", name), Address(host, port), how or check(), health)
