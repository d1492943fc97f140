"""One run of Tenbin, from the lock to the last line of the journal.

Owns the order of things: attach or start, traffic first, then what is asked about it, and at the end drain before
anything is taken down. What each part does is its own.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tenbin
from tenbin.control.haproxy import stopped
from tenbin.control.outages import OutageFile
from tenbin.control.recover import recovered
from tenbin.dataplane import handover
from tenbin.dataplane.sockets import Listeners, Shape
from tenbin.observe import sentences
from tenbin.observe.outage import OutageBook
from tenbin.observe.sentences import Level, Sentence
from tenbin.plan.compile import Surroundings, listen_address
from tenbin.state import Overlay, Store
from tenbin.state.persist import StateFile, secret
from tenbin.supervisor.background import Background
from tenbin.supervisor.manner import Manner
from tenbin.supervisor.operations import InstanceOperations, doubtful, user_stays
from tenbin.supervisor.orders import Order, Orders
from tenbin.supervisor.parts import Given, Parts

if TYPE_CHECKING:
    import signal
    import socket

    from tenbin.clock import Clock
    from tenbin.dataplane import Dataplane
    from tenbin.dataplane.program import Program
    from tenbin.model import Config
    from tenbin.observe.journal import Journal
    from tenbin.state import State
    from tenbin.supervisor.admin import AdminDoors
    from tenbin.supervisor.compat import CompatDoors
    from tenbin.supervisor.runtime import RuntimeDirectory
    from tenbin.supervisor.source import Loaded, Source


@dataclass(frozen=True, slots=True)
class Site:
    """Where an instance runs: its directory, its clock, its journal, its launcher; `terminal`: stdout is one."""

    directory: RuntimeDirectory
    clock: Clock
    journal: Journal
    launcher: Program
    terminal: bool
    manner: Manner = field(default_factory=Manner)


class Instance:
    """A run on one configuration source."""

    def __init__(self, site: Site, source: Source, loaded: Loaded) -> None:
        self._site = site
        self._source = source
        self._loaded = loaded
        self._background = Background(site.clock, site.journal.say)
        self._doors: AdminDoors | None = None
        self._compat: CompatDoors | None = None
        self._pages: dict[str, socket.socket] = {}
        self._watching = False
        self.ended_by: signal.Signals | None = None
        """The signal that ended it, if one did."""

    async def run(self) -> None:
        """Serve until told to stop; raises `TenbinError` when it cannot begin."""
        orders = Orders(self._site.manner)
        orders.listen()
        self._site.launcher.user = self._loaded.config.user
        attached = await self._site.launcher.attach()
        parts: Parts | None = None
        try:
            parts = await self._assemble(orders, attached)
            await self._begin(parts, attached)
        except BaseException:
            # What served before goes on serving: a file that cannot be used must not end traffic.
            if attached is not None:
                attached.detach()
            if parts is not None and attached is not None:
                parts.listeners.close()
            elif parts is not None:
                parts.listeners.end()
            raise
        try:
            await self._serve(parts)
        finally:
            self.ended_by = orders.signal
            await self._end(parts)

    async def _assemble(self, orders: Orders, attached: Dataplane | None) -> Parts:
        site, config = self._site, self._loaded.config
        state_file = StateFile(site.directory.state_file)
        restored = state_file.read()
        if restored.warning:
            site.journal.say(Sentence(Level.WARNING, "state_unusable", restored.warning))
        listeners = Listeners(exclusive=site.manner.exclusive)
        outage_file = OutageFile(site.directory.outage_file, site.clock)
        overlay = restored.overlay if config.compat is None else Overlay()
        generation, book = 1, OutageBook()
        if attached is not None:
            overlay = await self._take_over(attached, overlay, listeners)
            generation, book = attached.welcome.generation + 1, OutageBook(outage_file.read())
        else:
            outage_file.forget()
        around = Surroundings(
            secret=secret(site.directory.secret_file),
            terminal=site.terminal,
            threads=attached.welcome.threads if attached is not None else 0,
            pid=os.getpid(),
            pages=str(site.directory.path),
        )
        store = Store(config, overlay, generation=generation)
        return Parts(
            Given(
                clock=site.clock,
                journal=site.journal,
                orders=orders,
                store=store,
                state_file=state_file,
                outage_file=outage_file,
                book=book,
                listeners=listeners,
                launcher=site.launcher,
                around=around,
            )
        )

    async def _take_over(self, attached: Dataplane, overlay: Overlay, listeners: Listeners) -> Overlay:
        """Get back the sockets, and what was known of servers."""
        config = self._loaded.config
        wanted = {listen_address(listener) for frontend in config.frontends for listener in frontend.listeners}
        for address in attached.welcome.listeners:
            if address in wanted:
                listeners.adopt(address, await attached.get_sockets(address))
        stats = await attached.stats()
        return recovered(overlay, config, attached.welcome, stats, self._site.clock.now())

    async def _begin(self, parts: Parts, attached: Dataplane | None) -> None:
        """Serve traffic as soon as possible."""
        config = self._loaded.config
        shape = parts.reconciler.shape
        self._take_from_predecessor(parts, shape)
        parts.listeners.open(config, Shape(shape.threads, shape.backlog))
        if config.compat is not None:
            from tenbin.api.haproxy.page.places import bind_all

            self._pages = bind_all(config, self._site.directory.path)
        await parts.names.first()
        parts.reconciler.settled = lambda state: self._settled(parts, state)
        parts.keeper.arrived = lambda plane: self._background.once("events", lambda: _listen(parts, plane))
        await parts.keeper.begin(attached)
        parts.say(sentences.started(tenbin.__version__, os.getpid(), config.origin))
        parts.say(_listening(config))
        if remark := user_stays(config, parts.reconciler.plane):
            parts.say(remark)
        parts.certificates.hold(self._loaded.certificates)
        if self._loaded.warnings:
            parts.say(doubtful(self._loaded.warnings))

    def _take_from_predecessor(self, parts: Parts, shape: Shape) -> None:
        """Go on with the listening sockets of another process, where they are those that are wanted."""
        path = self._site.manner.predecessor
        if not path:
            return
        try:
            given = handover.by_address(handover.take(path))
        except OSError as error:
            text = f"no listening sockets from {path}: {error.strerror or error}"
            parts.say(Sentence(Level.WARNING, "no_handover", text))
            return
        wanted = {
            listen_address(listener) for frontend in self._loaded.config.frontends for listener in frontend.listeners
        }
        for address, sockets in given.items():
            # One that no thread accepts on would let its clients wait.
            if address in wanted and len(sockets) in (1, shape.threads):
                parts.listeners.adopt(address, sockets)
            else:
                for sock in sockets:
                    sock.close()

    async def _serve(self, parts: Parts) -> None:
        """Run everything around the traffic until the end is ordered."""
        from tenbin.supervisor.admin import AdminDoors
        from tenbin.supervisor.compat import CompatDoors
        from tenbin.supervisor.steering import Steering

        operations = InstanceOperations(parts, self._source, self._loaded)
        background = self._background
        background.forever("keeper", parts.keeper.keep)
        background.forever("reconciler", parts.reconciler.run)
        background.forever("health", parts.health.run)
        background.forever("names", parts.names.run)
        background.forever("unresolved-names", parts.names.complain)
        background.forever("figures", parts.figures.run)
        background.forever("outages", lambda: parts.outage_file.keep(parts.health.book, parts.say))
        background.forever("certificates", parts.certificates.run)
        background.forever("reload", lambda: _reload_on_order(parts.orders, operations))
        background.forever("renewals", lambda: _renew(operations))
        if self._site.manner.admin:
            doors = self._doors = AdminDoors(operations, self._site.journal, self._site.directory.admin_socket)
            background.once("admin", lambda: doors.open(parts.store.state.config.admin))
        self._compat = CompatDoors(
            Steering(parts, operations, operations.amendments, operations.reloads),
            self._site.journal,
            self._site.directory.path,
            self._pages,
            self._site.manner.masters,
        )
        compat = self._compat
        await compat.listen(parts.store.state.config)
        self._site.manner.ready()
        background.once("runtime-api", lambda: compat.move(parts.store.state.config))
        await parts.orders.until(Order.DRAIN)

    async def _end(self, parts: Parts) -> None:
        """Drain if there is time, then take everything down; nothing is left running."""
        drain = parts.store.state.config.drain
        now = parts.orders.order is Order.STOP
        parts.say(sentences.stopping(now=now, drain=drain.seconds))
        if not now:
            await parts.figures.freshen()
            for sentence in stopped(parts.store.state.config, parts.figures.current):
                parts.say(sentence)
            draining = asyncio.ensure_future(parts.keeper.drain(drain))
            # The data plane accepts no more; without ours open, new clients are refused rather than left waiting.
            parts.listeners.end()
            enough = asyncio.ensure_future(parts.orders.until(Order.STOP))
            await asyncio.wait((draining, enough), return_when=asyncio.FIRST_COMPLETED)
            enough.cancel()
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
        await parts.keeper.stop()
        parts.listeners.end()
        if self._doors is not None:
            await self._doors.close()
        if self._compat is not None:
            await self._compat.close()
        await self._background.end()
        parts.chronicle.close()
        parts.outage_file.forget()
        self._site.launcher.clean()

    def _settled(self, parts: Parts, state: State) -> None:
        """What follows from a change of the configuration or of where servers are."""
        parts.chronicle.follow(state.config)
        parts.health.follow(state)
        parts.names.follow(state)
        self._site.launcher.user = state.config.user
        if self._doors is not None:
            doors = self._doors
            self._background.once("admin", lambda: doors.move(state.config.admin))
        if self._compat is not None:
            compat = self._compat
            self._background.once("runtime-api", lambda: compat.move(state.config))
        if state.config.watch and not self._watching:
            self._watching = True
            self._background.forever("watch", lambda: _watch(parts, self._source))


async def _listen(parts: Parts, plane: Dataplane) -> None:
    async for event in plane.events():
        parts.health.heard(event)


async def _reload_on_order(orders: Orders, operations: InstanceOperations) -> None:
    while True:
        await orders.reload.wait()
        orders.reload.clear()
        await operations.reload()


async def _renew(operations: InstanceOperations) -> None:
    # Always, whatever `watch` says: a renewal must not need an operator.
    while True:
        await operations.renew()


async def _watch(parts: Parts, source: Source) -> None:
    async for _ in source.changes():
        if parts.store.state.config.watch:
            parts.orders.reload.set()


def _listening(config: Config) -> Sentence:
    places = [
        f"{listener.address} ({frontend.name}, {frontend.mode})"
        for frontend in config.frontends
        for listener in frontend.listeners
    ]
    return Sentence(Level.INFO, "listening", f"listens on {', '.join(places) or 'nothing'}")
