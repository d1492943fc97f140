"""The reconciler: makes the data plane hold what the store holds.

Owns what the data plane was told last, and the decision between a patch and the whole. Changes at run time reach it
through the store; a new configuration passes through `change`, which makes it hold only once the data plane took it.
Does not know whether the data plane lives: `tenbin.control.keeper` gives and takes it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenbin.dataplane.sockets import Shape
from tenbin.errors import DataplaneError, SnapshotRejectedError
from tenbin.observe.sentences import Level, Sentence
from tenbin.plan import delta, summary
from tenbin.plan.compile import compile_snapshot, listen_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.dataplane import Dataplane
    from tenbin.dataplane.sockets import Listeners
    from tenbin.model import Config
    from tenbin.plan import wire
    from tenbin.plan.compile import Surroundings
    from tenbin.state import State, Store


@dataclass(frozen=True, slots=True)
class Changed:
    """What `change` did: the generation that holds now and what was different, in words."""

    generation: int
    summary: str


class Reconciler:
    """Keeps one data plane at the store's state; for one event loop.

    `around` is what snapshots depend on besides the state, `say` writes the journal, and `settled` is called after
    each step whose effect goes beyond health: the set of servers, their addresses or their admin states.
    """

    def __init__(
        self, store: Store, listeners: Listeners, around: Surroundings, say: Callable[[Sentence], object]
    ) -> None:
        self._store = store
        self._listeners = listeners
        self._around = around
        self._say = say
        self._plane: Dataplane | None = None
        self._applied: State | None = None
        self._handled = 0
        self._dirty = asyncio.Event()
        self._quiet = asyncio.Condition()
        self.lock = asyncio.Lock()
        self.settled: Callable[[State], None] = lambda _: None
        store.listen(self._noticed)

    @property
    def plane(self) -> Dataplane | None:
        """The data plane that holds the state; None while there is none."""
        return self._plane

    @property
    def applied(self) -> State | None:
        """What the data plane was told last."""
        return self._applied

    @property
    def shape(self) -> Shape:
        """How listeners are opened now."""
        config = self._store.state.config
        return Shape(self._around.threads or config.threads, config.limits.pending)

    def snapshot(self) -> wire.Snapshot:
        """Compile what the data plane holds; `DataplaneError` while it holds nothing."""
        if self._applied is None:
            raise DataplaneError("no snapshot is applied: the data plane is not up")
        return compile_snapshot(self._applied, self._around)

    async def bring_up(self, plane: Dataplane, counted: wire.Stats | None, *, salvage: bool = False) -> None:
        """Give a data plane the sockets, the snapshot and the counters of its predecessor, and keep it from now on.

        The caller holds `lock`. `salvage`: nothing else serves, so it comes up without what files do not fit for.
        """
        state = self._store.state
        self._around = replace(self._around, threads=plane.welcome.threads or self.shape.threads)
        for address in self._listeners.addresses:
            if address not in plane.welcome.listeners:
                await plane.set_sockets(address, self._listeners.of(address))
        await plane.apply(compile_snapshot(state, self._around), salvage=salvage)
        if counted is not None:
            await plane.restore(counted)
        self._plane, self._applied = plane, state
        self._dirty.set()
        self.settled(state)

    def release(self) -> None:
        """The data plane is gone; what changes meanwhile is told to its successor."""
        self._plane = None
        self._dirty.set()

    def keep_on(self, plane: Dataplane) -> None:
        """Stay with a data plane whose successor failed."""
        self._plane = plane
        self._dirty.set()

    async def change(self, config: Config, *, kept: int, fresh: bool = False) -> Changed:
        """Make a new configuration hold: say what it changes, open sockets, apply, commit.

        Raises `BindError` or `DataplaneError`, and then everything is as before. `kept` is how many client
        connections there are; `fresh`: what the operator changed at run time ends.
        """
        async with self.lock:
            old = self._store.state
            candidate = self._store.candidate(config, fresh=fresh)
            generations = (old.generation, candidate.generation)
            line = summary.sentence(old.config, config, generations=generations, kept=kept)
            self._say(Sentence(Level.INFO, "reload_begun", f"reload: {line}", (("generation", old.generation),)))
            opened = self._listeners.open(config, self.shape)
            try:
                await self._tell(candidate, opened)
            except DataplaneError:
                self._listeners.restore(self.shape)
                self._listeners.keep(set(self._listeners.addresses) - set(opened))
                raise
            self._applied = candidate
            state = self._store.commit(candidate, fresh=fresh)
            self._listeners.keep(_addresses(config))
            self.settled(state)
            return Changed(candidate.generation, line)

    async def run(self) -> None:
        """Follow the store until cancelled."""
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            async with self.lock:
                handled = self._store.state.generation
                await self._step()
                self._handled = handled
            async with self._quiet:
                self._quiet.notify_all()

    async def in_force(self) -> None:
        """Wait until the data plane has what the store holds, or there is no data plane."""
        async with self._quiet:
            await self._quiet.wait_for(self._caught_up)

    def _caught_up(self) -> bool:
        return self._plane is None or self._handled >= self._store.state.generation

    async def _tell(self, candidate: State, opened: list[str]) -> None:
        if self._plane is None:
            return
        for address in opened:
            await self._plane.set_sockets(address, self._listeners.of(address))
        await self._plane.apply(compile_snapshot(candidate, self._around))

    async def _step(self) -> None:
        """Bring the data plane from what it has to what holds; a refusal leaves it and is not tried again."""
        plane, old, new = self._plane, self._applied, self._store.state
        if plane is None or old is None or old is new:
            return
        patches = delta.patch(old, new)
        try:
            if patches is None:
                await plane.apply(compile_snapshot(new, self._around))
            elif patches:
                await plane.patch(new.generation, patches)
        except SnapshotRejectedError as refusal:
            self._say(_refused(refusal, new.generation))
            return
        except DataplaneError as error:
            self._say(Sentence(Level.ERROR, "dataplane_silent", f"{error.message}; its last state stays in force"))
            return
        self._applied = new
        if patches is None or any(patch.admin for patch in patches):
            self.settled(new)

    def _noticed(self, _old: State, _new: State) -> None:
        self._dirty.set()


def _refused(refusal: SnapshotRejectedError, generation: int) -> Sentence:
    text = (
        f"generation {generation} is refused by the data plane at {refusal.path}: {refusal.reason}; the old one stays"
    )
    return Sentence(Level.ERROR, "snapshot_refused", text, (("path", refusal.path), ("reason", refusal.reason)))


def _addresses(config: Config) -> set[str]:
    return {listen_address(listener) for frontend in config.frontends for listener in frontend.listeners}
