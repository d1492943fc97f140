"""Where the runtime API is listened on: unix sockets with their modes and owners, TCP addresses, inherited sockets.

Owns binding, who may connect how often at once, and what happens to the file of a socket. What is said there is the
business of `conversation`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.api.haproxy.conversation import LINE, Conversation
from tenbin.api.haproxy.master import MasterConversation
from tenbin.errors import BindError
from tenbin.model import Address, Inherited, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.api.haproxy.port import Runtime
    from tenbin.model import RuntimeSocket

CLIENTS = 64
"""Connections at once on each address; more wait in the backlog's place and are turned away."""
_BACKLOG = 64


class RuntimeSockets:
    """The open addresses of the runtime API, and those of the master CLI, which stay."""

    def __init__(self, runtime: Runtime, masters: Sequence[RuntimeSocket] = ()) -> None:
        self._runtime = runtime
        self._masters = masters
        self._open: dict[RuntimeSocket, _Door] = {}

    async def move(self, places: Sequence[RuntimeSocket]) -> list[BindError]:
        """Listen on these and no others; returns what cannot be had. What stays is not touched."""
        wanted = (*places, *self._masters)
        for place in [place for place in self._open if place not in wanted]:
            await self._open.pop(place).close()
        problems = []
        for place in wanted:
            if place in self._open:
                continue
            try:
                listening = bound(place)
            except OSError as error:
                reason = error.strerror or str(error)
                problems.append(BindError(f"{place.position}: stats socket {place.address}: {reason}".lstrip(": ")))
                continue
            kind = MasterConversation if place in self._masters else Conversation
            door = _Door(partial(kind, self._runtime, place), place, listening)
            await door.open()
            self._open[place] = door
        return problems

    async def close(self) -> None:
        """Listen no more, and end every conversation."""
        for door in self._open.values():
            await door.close()
        self._open.clear()


class _Door:
    def __init__(self, converse: Callable[[], Conversation], place: RuntimeSocket, listening: socket.socket) -> None:
        self._converse = converse
        self._place = place
        self._socket = listening
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._inode = _inode(place)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._came, sock=self._socket, limit=2 * LINE, backlog=_BACKLOG)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        _remove(self._place, self._inode)

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._talks) >= CLIENTS:
            writer.transport.abort()
            return
        talk = asyncio.ensure_future(self._converse().hold(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)
        with suppress(asyncio.CancelledError):
            await talk
        writer.transport.abort()


def bound(place: RuntimeSocket) -> socket.socket:
    """Open one address; raises OSError."""
    match place.address:
        case Inherited(fd=number):
            listening = socket.socket(fileno=os.dup(number))
        case UnixAddress() as address:
            listening = _unix(address)
        case Address(host=host, port=port):
            family, kind, protocol, _, name = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listening = socket.socket(family, kind, protocol)
            try:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listening.bind(name)
                listening.listen(_BACKLOG)
            except OSError:
                listening.close()
                raise
    listening.setblocking(False)
    return listening


def _unix(address: UnixAddress) -> socket.socket:
    """Bind under a temporary name and rename: nobody finds the file before it has its mode and owner."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if address.abstract:
            listening.bind(f"\0{address.path}")
        else:
            temporary = f"{address.path}.{os.getpid()}.tmp"
            with suppress(FileNotFoundError):
                Path(temporary).unlink()
            os.fchmod(listening.fileno(), address.mode or 0o600)
            listening.bind(temporary)
            # As HAProxy: without a mode of its own, a socket has what the umask leaves it.
            if address.mode:
                Path(temporary).chmod(address.mode)
            if (address.uid, address.gid) != (-1, -1):
                os.chown(temporary, address.uid, address.gid)
            listening.listen(_BACKLOG)
            Path(temporary).rename(address.path)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _remove(place: RuntimeSocket, inode: int) -> None:
    """Remove the file of a socket, unless a successor has put its own there."""
    address = place.address
    if isinstance(address, UnixAddress) and not address.abstract and inode and _inode(place) == inode:
        with suppress(OSError):
            Path(address.path).unlink()


def _inode(place: RuntimeSocket) -> int:
    address = place.address
    if not isinstance(address, UnixAddress) or address.abstract:
        return 0
    with suppress(OSError):
        return Path(address.path).stat().st_ino
    return 0
