"""A data plane in memory: keeps the port's promises without a process, for tests of everything above it.

Owns no traffic. It refuses what the real one refuses of a snapshot's structure, and lets a test end it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tenbin.errors import DataplaneError, SnapshotRejectedError
from tenbin.plan import wire

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Sequence

    from tenbin.model import Duration, ServerId


class FakeDataplane:
    """See `port.Dataplane`; besides, `snapshot` is what it holds, patches included, and `calls` what it was asked."""

    def __init__(self, *, threads: int = 2, pid: int = 1000) -> None:
        self.snapshot: wire.Snapshot | None = None
        self.sockets: dict[str, list[socket.socket]] = {}
        self.calls: list[str] = []
        self.entries: dict[str, dict[str, wire.TableRow]] = {}
        self.restored: list[wire.Stats] = []
        self.drained: Duration | None = None
        self.attached = True
        self._threads = threads
        self._pid = pid
        self._events: asyncio.Queue[wire.Event | None] = asyncio.Queue()
        self._ended: asyncio.Event = asyncio.Event()
        self._how = ""

    @property
    def welcome(self) -> wire.Welcome:
        """What it has now."""
        held = self.snapshot
        return wire.Welcome(
            id=1,
            protocol=wire.PROTOCOL,
            version="fake",
            pid=self._pid,
            threads=self._threads,
            generation=held.generation if held else 0,
            listeners=tuple(self.sockets),
            servers=tuple(_state(backend, server) for backend in _backends(held) for server in backend.servers),
        )

    async def set_sockets(self, address: str, sockets: Sequence[socket.socket]) -> None:
        """Keep duplicates."""
        self._asked("set_sockets")
        self.sockets[address] = [sock.dup() for sock in sockets]

    async def get_sockets(self, address: str) -> list[socket.socket]:
        """Give duplicates."""
        self._asked("get_sockets")
        return [sock.dup() for sock in self.sockets.get(address, ())]

    async def apply(self, snapshot: wire.Snapshot, *, salvage: bool = False) -> None:
        """Take a snapshot whose names are unique and refer to something."""
        self._asked("apply, salvage" if salvage else "apply")
        _check(snapshot)
        self.snapshot = snapshot
        named = {listener.address for listener in snapshot.listeners}
        for address in [address for address in self.sockets if address not in named]:
            for sock in self.sockets.pop(address):
                sock.close()

    async def patch(self, generation: int, servers: Sequence[wire.ServerPatch]) -> None:
        """Change fields of servers, all or none."""
        self._asked("patch")
        if self.snapshot is None:
            raise SnapshotRejectedError("generation", "there is no snapshot to patch")
        patches = {(patch.backend, patch.server): patch for patch in servers}
        backends = tuple(_patched(backend, patches) for backend in self.snapshot.backends)
        if patches:
            backend, server = next(iter(patches))
            raise SnapshotRejectedError("servers", f"there is no server {backend}/{server}")
        self.snapshot = self.snapshot.model_copy(update={"generation": generation, "backends": backends})

    async def stats(self) -> wire.Stats:
        """Count nothing, of everything that is there."""
        self._asked("stats")
        return wire.Stats(process=self._process(), listeners=(), frontends=(), backends=())

    async def restore(self, stats: wire.Stats) -> None:
        """Note what it was given."""
        self._asked("restore")
        self.restored.append(stats)

    async def clear_counters(self, *, everything: bool) -> None:
        """Note that it was asked."""
        self._asked("clear_counters, everything" if everything else "clear_counters")

    async def sessions(self, *, end: ServerId | None = None, session: int = 0) -> wire.Sessions:
        """Have none."""
        self._asked(f"sessions, end {end or session}" if end or session else "sessions")
        return wire.Sessions(id=1)

    async def live_list(self, query: wire.ListQuery) -> wire.Entries:
        """Tell of a list's entries as the snapshot has them; changes are only noted."""
        self._asked(f"list, {query.action}")
        specs = {one.name: one for one in self.snapshot.lists} if self.snapshot else {}
        found = specs.get(query.name)
        entries = tuple((place, *entry) for place, entry in enumerate(found.entries, 1)) if found else ()
        return wire.Entries(id=1, found=found is not None, count=len(entries), entries=entries)

    async def table(self, query: wire.TableQuery) -> wire.TableAnswered:
        """Show, set or clear what `entries` holds, without filters and pages."""
        self._asked(f"table, {query.action}")
        specs = {one.name: one for one in self.snapshot.tables} if self.snapshot else {}
        if query.action == "show" and not query.name:
            return wire.TableAnswered(id=1, outcome="done", tables=tuple(map(self._summary, specs.values())))
        if query.name not in specs:
            return wire.TableAnswered(id=1, outcome="no_table")
        held = self.entries.setdefault(query.name, {})
        named = [key for key in sorted(held) if query.key in (None, key)]
        if query.action == "clear":
            for key in named:
                del held[key]
        if query.action == "set":
            if query.key is None:
                return wire.TableAnswered(id=1, outcome="bad_key")
            data = tuple((name, 0, value) for name, value in query.data)
            held[query.key] = wire.TableRow(key=query.key, use=0, exp_ms=0, shard=0, data=data)
        rows = tuple(held[key] for key in named) if query.action == "show" else ()
        return wire.TableAnswered(id=1, outcome="done", tables=(self._summary(specs[query.name]),), rows=rows)

    async def variable(self, name: str, value: wire.Expr | None = None) -> wire.Variable:
        """Know none."""
        self._asked(f"variable {name}" if value is None else f"variable {name}, set")
        return wire.Variable(id=1, kind="")

    async def refused(self) -> wire.RefusedMessages:
        """Have refused nothing."""
        self._asked("refused")
        return wire.RefusedMessages(id=1, count=0)

    async def events(self) -> AsyncIterator[wire.Event]:
        """What a test lets it say."""
        while (event := await self._events.get()) is not None:
            yield event

    async def drain(self, deadline: Duration, *, close_idle: bool) -> None:
        """Without work, draining is ending."""
        self._asked("drain, idle closed" if close_idle else "drain")
        self.drained = deadline
        self.end("ended with status 0")

    async def stop(self) -> None:
        """End."""
        self.calls.append("stop")
        self.end("ended with status 0")

    async def gone(self) -> str:
        """Wait for the end."""
        await self._ended.wait()
        return self._how

    def detach(self) -> None:
        """Be left alone."""
        self.attached = False

    def end(self, how: str) -> None:
        """Let it end, as a crash would."""
        if not self._ended.is_set():
            self._how = how
            self._ended.set()
            self._events.put_nowait(None)
            for sockets in self.sockets.values():
                for sock in sockets:
                    sock.close()
            self.sockets.clear()

    def say(self, event: wire.Event) -> None:
        """Let it say something."""
        self._events.put_nowait(event)

    def server(self, server: ServerId) -> wire.Server:
        """Return what it holds of one server."""
        backends = {backend.name: backend for backend in _backends(self.snapshot)}
        return next(found for found in backends[server.backend].servers if found.name == server.server)

    def _summary(self, table: wire.Table) -> wire.TableSummary:
        used = len(self.entries.get(table.name, {}))
        return wire.TableSummary(name=table.name, key=table.key, size=table.size, used=used)

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        if self._ended.is_set():
            raise DataplaneError(f"the data plane is gone: {self._how}")

    def _process(self) -> wire.ProcessStats:
        counted = dict.fromkeys(wire.ProcessStats.model_fields, 0)
        return wire.ProcessStats.model_validate(
            {
                **counted,
                "pid": self._pid,
                "version": "fake",
                "generation": self.snapshot.generation if self.snapshot else 0,
                "threads": self._threads,
            }
        )


def _backends(snapshot: wire.Snapshot | None) -> tuple[wire.Backend, ...]:
    return snapshot.backends if snapshot else ()


def _state(backend: wire.Backend, server: wire.Server) -> wire.ServerState:
    return wire.ServerState(
        backend=backend.name, server=server.name, weight=server.weight, admin=server.admin, health=server.health
    )


def _patched(backend: wire.Backend, patches: dict[tuple[str, str], wire.ServerPatch]) -> wire.Backend:
    """Apply what concerns this backend and take it out of `patches`."""
    servers = []
    for server in backend.servers:
        patch = patches.pop((backend.name, server.name), None)
        fields = patch.model_dump(include={"weight", "admin", "health"}, exclude_none=True) if patch else {}
        servers.append(server.model_copy(update=fields) if fields else server)
    return backend.model_copy(update={"servers": tuple(servers)})


def _check(snapshot: wire.Snapshot) -> None:
    frontends = {frontend.name for frontend in snapshot.frontends}
    for place, listener in enumerate(snapshot.listeners):
        if listener.frontend not in frontends:
            raise SnapshotRejectedError(f"listeners[{place}].frontend", f"there is no frontend {listener.frontend}")
    backends = {backend.name for backend in snapshot.backends}
    for place, frontend in enumerate(snapshot.frontends):
        for number, route in enumerate(frontend.routes):
            if isinstance(route.action, wire.ToBackend) and route.action.backend not in backends:
                path = f"frontends[{place}].routes[{number}].action.backend"
                raise SnapshotRejectedError(path, f"there is no backend {route.action.backend}")
