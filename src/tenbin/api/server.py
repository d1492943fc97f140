"""Serves the admin API on a TCP address and on a unix socket, inside the running event loop.

Owns the listening sockets, their names and permissions, and the order of start and stop. What is served and how slow
clients are bounded is the business of `tenbin.api.app` and `tenbin.api.bounded`, which are imported by the first
start: a control plane should not wait for a web framework before it carries traffic.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.api.pace import Rates
from tenbin.errors import BindError
from tenbin.model import Address

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.api.bounded import BoundedServer
    from tenbin.api.guard import Access
    from tenbin.api.operations import Operations
    from tenbin.model import AdminEndpoint
    from tenbin.observe.journal import Journal

GRACE = 0.4
"""Seconds that requests under way get when the server stops."""

BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on clients, per address.

    Seconds for a request's head, for its body, between requests, and without progress while an answer is read;
    `clients`: connections at once; `head`: bytes of a request's head; `room_after`: seconds after which one that asks
    nothing makes room for another.
    """

    head_time: float = 10.0
    body_time: float = 10.0
    idle_time: int = 30
    stall_time: float = 10.0
    clients: int = 128
    head: int = 16_384
    room_after: float = 1.0
    rates: Rates = field(default_factory=Rates)


class AdminServer:
    """The API's listening addresses; one start and one stop."""

    def __init__(self, operations: Operations, *, journal: Journal | None = None, limits: Limits | None = None) -> None:
        self._operations = operations
        self._journal = journal
        self._limits = limits or Limits()
        self._running: list[tuple[BoundedServer, asyncio.Task[None]]] = []
        self._socket: _UnixName | None = None
        self.address: Address | None = None

    async def start(self, endpoint: AdminEndpoint | None, socket_path: Path | None) -> None:
        """Listen on both (None: not on that one); raises BindError, and then nothing listens.

        A port of 0 takes a free one; `self.address` tells which. An existing socket file is replaced.
        """
        opened: list[tuple[socket.socket, bool]] = []
        try:
            if endpoint is not None:
                opened.append((await _listen_tcp(endpoint.address), False))
            if socket_path is not None:
                listening, self._socket = _listen_unix(socket_path)
                opened.append((listening, True))
        except BindError:
            for listening, _ in opened:
                listening.close()
            raise
        for listening, trusted in opened:
            if not trusted and endpoint is not None:
                self.address = Address(endpoint.address.host, listening.getsockname()[1])
            await self._serve(listening, None if trusted else endpoint)

    async def stop(self) -> None:
        """Stop within a second, whatever clients do; requests under way get 0.4 s of it."""
        tasks = [task for _, task in self._running]
        for server, _ in self._running:
            server.should_exit = True
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for server, task in self._running:
                if task in late:
                    server.abort()
            if late:
                _, stuck = await asyncio.wait(late, timeout=0.3)
                for task in stuck:
                    task.cancel()
        self._running.clear()
        if self._socket is not None:
            self._socket.remove()
            self._socket = None

    async def _serve(self, listening: socket.socket, endpoint: AdminEndpoint | None) -> None:
        from tenbin.api.app import make_app
        from tenbin.api.bounded import make_server

        app = make_app(self._operations, access=access_to(endpoint, self._limits), journal=self._journal)
        server = make_server(app, self._limits)
        await server.begin(listening)
        name = "tenbin-admin-socket" if endpoint is None else "tenbin-admin"
        self._running.append((server, asyncio.create_task(server.run_until_told(listening), name=name)))


def access_to(endpoint: AdminEndpoint | None, limits: Limits) -> Access:
    """Return who may do what at a TCP endpoint, or (None) at the unix socket."""
    from tenbin.api.guard import Access
    from tenbin.api.token import Tokens

    if endpoint is None:
        return Access(Tokens(), trusted=True, hosts=(), body_time=limits.body_time, rates=limits.rates)
    hosts = (endpoint.address.host, *endpoint.hosts)
    tokens = Tokens(endpoint.token, endpoint.read_token)
    return Access(tokens, trusted=False, hosts=hosts, body_time=limits.body_time, rates=limits.rates)


@dataclass(frozen=True, slots=True)
class _UnixName:
    """A socket file as it was made, so that stopping removes no successor's."""

    path: Path
    inode: int

    def remove(self) -> None:
        with suppress(OSError):
            if self.path.stat().st_ino == self.inode:
                self.path.unlink()


async def _listen_tcp(address: Address) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _bind_error(str(address), error.strerror or str(error)) from error
    family, kind, protocol, _, name = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(name)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _bind_error(str(address), os.strerror(error.errno or 0)) from error
    listening.setblocking(False)
    return listening


def _listen_unix(path: Path) -> tuple[socket.socket, _UnixName]:
    """Bind under a temporary name and rename, so that the file has its mode before anyone can find it."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(str(temporary))
        temporary.chmod(0o600)
        inode = temporary.stat().st_ino
        listening.listen(BACKLOG)
        temporary.rename(path)
    except OSError as error:
        listening.close()
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _bind_error(str(path), error.strerror or str(error)) from error
    listening.setblocking(False)
    return listening, _UnixName(path, inode)


def _bind_error(where: str, reason: str) -> BindError:
    return BindError(
        f"the admin API cannot listen on {where}: {reason[:1].lower()}{reason[1:]}",
        hint="set another `admin` address or `runtime_directory`, or end what uses this one",
    )
