"""The keeper: a data plane serves at all times, whatever happens to the one that does.

Owns the data plane's life: attach or start, start again after a death, hand over to a successor, drain, stop. What a
data plane is told is the reconciler's business.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tenbin.errors import DataplaneError, TenbinError
from tenbin.observe import sentences
from tenbin.observe.sentences import Level, Sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.clock import Clock
    from tenbin.control.reconcile import Reconciler
    from tenbin.dataplane import Dataplane, Launcher
    from tenbin.model import Duration
    from tenbin.plan import wire

STABLE = 0.5
"""A data plane that lived for so many seconds is started again at once when it dies: twice a second is no spin."""

_LONGEST = 5.0
_PATIENCE = 2.0


class Keeper:
    """Keeps the reconciler's data plane alive; `counted` returns the last statistics, for the successor."""

    def __init__(
        self,
        launcher: Launcher,
        reconciler: Reconciler,
        clock: Clock,
        say: Callable[[Sentence], object],
        counted: Callable[[], wire.Stats | None],
    ) -> None:
        self._launcher = launcher
        self._reconciler = reconciler
        self._clock = clock
        self._say = say
        self._counted = counted
        self._ending = False
        self._replaced = asyncio.Event()
        self._retired: dict[Dataplane, asyncio.Task[None]] = {}
        self.arrived: Callable[[Dataplane], None] = lambda _: None

    async def begin(self, attached: Dataplane | None) -> None:
        """Bring up the data plane that was attached to, or a new one; raises `DataplaneError`."""
        async with self._reconciler.lock:
            plane = attached or await self._launcher.spawn()
            held = plane.welcome.generation
            try:
                await self._reconciler.bring_up(plane, None)
            except TenbinError:
                await self._give_up(plane, spawned=attached is None)
                raise
        self._say(sentences.dataplane_attached(plane.welcome.pid, held, spawned=attached is None))
        self.arrived(plane)

    async def keep(self) -> None:
        """Start the data plane again whenever it ends; until cancelled, or until `stop` or `drain`."""
        failures = 0
        while not self._ending:
            plane = self._reconciler.plane
            if plane is not None:
                began = self._clock.now()
                how = await self._watch(plane)
                if how is None:
                    continue
                self._reconciler.release()
                self._say(sentences.dataplane_lost(plane.welcome.pid, how))
                failures = 0 if self._clock.now() - began >= STABLE else failures + 1
            # The first death in a row is answered at once; a program that cannot live must not spin.
            if failures > 1:
                await self._clock.sleep(min(0.1 * 2 ** (failures - 2), _LONGEST))
            failures += not await self._restart()

    async def upgrade(self, deadline: Duration) -> str:
        """Hand over to a new process; the old one ends with its work. Raises `DataplaneError`: the old one goes on."""
        async with self._reconciler.lock:
            old = self._reconciler.plane
            if old is None:
                raise DataplaneError("there is no data plane to upgrade: it is being started")
            successor = await self._launcher.spawn_successor()
            try:
                await self._reconciler.bring_up(successor, await old.stats())
                self._launcher.promote()
            except BaseException:
                self._reconciler.keep_on(old)
                await successor.stop()
                raise
            await old.drain(deadline, close_idle=False)
            self._retired[old] = asyncio.create_task(self._see_off(old, deadline), name="tenbin-retired")
        self._replaced.set()
        self.arrived(successor)
        pids = f"process {old.welcome.pid} → {successor.welcome.pid}"
        text = f"data plane upgraded: {pids}, version {successor.welcome.version}; the old one ends with its work"
        self._say(Sentence(Level.INFO, "dataplane_upgraded", text))
        return text

    async def drain(self, deadline: Duration) -> None:
        """Let every data plane end with its work, at the latest at the deadline; returns when they are gone."""
        self._ending = True
        plane = self._reconciler.plane
        if plane is None:
            return
        try:
            await plane.drain(deadline, close_idle=True)
        except DataplaneError:
            await plane.stop()
        await self._see_off(plane, deadline)
        await asyncio.gather(*self._retired.values())

    async def stop(self) -> None:
        """End every data plane now."""
        self._ending = True
        planes = [plane for plane in (self._reconciler.plane, *self._retired) if plane is not None]
        for task in self._retired.values():
            task.cancel()
        await asyncio.gather(*(plane.stop() for plane in planes))

    async def _watch(self, plane: Dataplane) -> str | None:
        """Wait for the end of a data plane and return how it came; None when that is not a surprise any more."""
        ended = asyncio.ensure_future(plane.gone())
        replaced = asyncio.ensure_future(self._replaced.wait())
        try:
            await asyncio.wait((ended, replaced), return_when=asyncio.FIRST_COMPLETED)
            self._replaced.clear()
            surprise = not self._ending and plane is self._reconciler.plane
            return ended.result() if surprise and ended.done() else None
        finally:
            ended.cancel()
            replaced.cancel()

    async def _restart(self) -> bool:
        try:
            async with self._reconciler.lock:
                if self._ending or self._reconciler.plane is not None:
                    return True
                plane = await self._launcher.spawn()
                try:
                    await self._reconciler.bring_up(plane, self._counted(), salvage=True)
                except BaseException:
                    await plane.stop()
                    raise
        except TenbinError as error:
            self._say(Sentence(Level.ERROR, "dataplane_failed", f"the data plane cannot be started: {error.message}"))
            return False
        self._say(sentences.dataplane_attached(plane.welcome.pid, plane.welcome.generation, spawned=True))
        self.arrived(plane)
        return True

    async def _give_up(self, plane: Dataplane, *, spawned: bool) -> None:
        """One that serves already goes on serving what it has; one that we started is of no use."""
        if spawned:
            await plane.stop()
        else:
            plane.detach()

    async def _see_off(self, plane: Dataplane, deadline: Duration) -> None:
        """Wait for an end that was asked for, and bring it about if it does not come."""
        ended = asyncio.ensure_future(plane.gone())
        late = asyncio.ensure_future(self._clock.sleep(deadline.seconds + _PATIENCE))
        try:
            await asyncio.wait((ended, late), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await plane.stop()
        finally:
            ended.cancel()
            late.cancel()
            self._retired.pop(plane, None)
