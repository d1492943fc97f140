"""A store, a reconciler and a keeper over data planes in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from tenbin.clock import SystemClock
from tenbin.control.figures import Figures
from tenbin.control.keeper import Keeper
from tenbin.control.reconcile import Reconciler
from tenbin.dataplane.fake import FakeDataplane
from tenbin.dataplane.sockets import Listeners
from tenbin.errors import DataplaneError
from tenbin.plan.compile import BLANK, compile_snapshot
from tenbin.state import Store
from unit.plan.samples import backend, config, frontend, server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from tenbin.model import Config
    from tenbin.observe.sentences import Sentence
    from tenbin.plan import wire


class HurriedClock(SystemClock):
    """Waits that are recorded rather than waited for."""

    def __init__(self) -> None:
        super().__init__(1)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Note, and let others work."""
        self.slept.append(seconds)
        await super().sleep(0.001 if seconds < 10 else seconds)


class FakeLauncher:
    """Starts data planes in memory; the next `failures` starts fail."""

    def __init__(self) -> None:
        self.made: list[FakeDataplane] = []
        self.running: FakeDataplane | None = None
        self.failures = 0
        self.promoted = 0

    async def attach(self) -> FakeDataplane | None:
        return self.running

    async def spawn(self) -> FakeDataplane:
        if self.failures:
            self.failures -= 1
            raise DataplaneError("the program does not start")
        self.made.append(FakeDataplane(pid=1000 + len(self.made)))
        return self.made[-1]

    async def spawn_successor(self) -> FakeDataplane:
        return await self.spawn()

    def promote(self) -> None:
        self.promoted += 1


def quiet(*names: str) -> Config:
    """A configuration that listens on nothing, with these servers in `app`."""
    servers = tuple(server(name, 3000 + number) for number, name in enumerate(names))
    return config((frontend(listen=()),), (backend("app", *servers),))


class Scene:
    """What a test acts on; runs the background tasks while it is open."""

    def __init__(self, first: Config) -> None:
        self.said: list[Sentence] = []
        self.clock = HurriedClock()
        self.store = Store(first)
        self.listeners = Listeners()
        self.launcher = FakeLauncher()
        self.reconciler = Reconciler(self.store, self.listeners, BLANK, self.said.append)
        self.figures = Figures(self.reconciler, self.clock)
        self.keeper = Keeper(self.launcher, self.reconciler, self.clock, self.said.append, lambda: self.figures.last)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.listeners.open(self.store.state.config, self.reconciler.shape)
        await self.keeper.begin(await self.launcher.attach())
        self._tasks = [asyncio.create_task(self.keeper.keep()), asyncio.create_task(self.reconciler.run())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.keeper.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.listeners.close()

    @property
    def plane(self) -> FakeDataplane:
        """The data plane that serves."""
        found = self.reconciler.plane
        assert isinstance(found, FakeDataplane)
        return found

    def wanted(self) -> wire.Snapshot:
        """What the data plane should hold."""
        return compile_snapshot(self.store.state, BLANK)

    def events(self) -> list[str]:
        return [sentence.event for sentence in self.said]


def play(first: Config, act: Callable[[Scene], Awaitable[None]]) -> Scene:
    """Open a scene, act, close it."""

    async def run() -> Scene:
        async with Scene(first) as scene:
            await asyncio.wait_for(act(scene), 20)
        return scene

    return asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; `play` has the deadline."""
    clock = SystemClock()
    while not condition():
        await clock.sleep(0.001)
