"""One connection of a probe: a non-blocking socket that waits on the event loop's selector and nothing else.

Streams and transports would cost several times the CPU of the check itself. A link knows one deadline for its whole
life and always closes with a reset (SO_LINGER 0): thousands of checks a minute leave no TIME_WAIT behind, and a
server that was asked everything has nothing left to say. Does not know what is sent or received.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from tenbin.health.probe.names import first_address
from tenbin.health.result import CheckStatus, Outcome, printable
from tenbin.model import UnixAddress

if TYPE_CHECKING:
    from types import TracebackType

    from tenbin.model import Address


class NotConnectedError(Exception):
    """The connection did not come about; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


class Link:
    """A connection to one server, ended at the latest `within` seconds from now; used as a context manager.

    Every wait raises TimeoutError once the time is over. What the selector reports in the same moment as the end of
    the time counts as in time: a server is not blamed for a pause of this process.
    """

    __slots__ = ("_expired", "_loop", "_reading", "_socket", "_timer", "_waiter")

    # A link alone has neither.
    tls = ""
    alpn = ""

    def __init__(self, within: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(within, self._expire)
        self._socket: socket.socket | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._reading = False
        self._expired = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._timer.cancel()
        if self._socket is not None:
            if self._reading:
                self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    async def connect(self, address: Address | UnixAddress) -> None:
        """Open the connection; raises NotConnectedError when that fails."""
        try:
            family, where = await self._endpoint(address)
            self._socket = _socket(family)
            error = self._socket.connect_ex(where)
            if error == errno.EINPROGRESS:
                await self._writable()
                error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not error and self._socket.getsockname() == where:
                error = errno.ECONNREFUSED  # connected to itself: the port is local, free, and was ours by chance
        except TimeoutError:
            raise NotConnectedError(Outcome(CheckStatus.L4TOUT, None, "no connection in time")) from None
        except OSError as failure:
            error = failure.errno or errno.EIO
        if error:
            raise NotConnectedError(_refusal(error))

    async def send(self, data: bytes) -> None:
        """Send everything; raises OSError when the connection breaks."""
        sent = self._send_some(data)
        while sent < len(data):
            await self._writable()
            sent += self._send_some(data[sent:])

    async def receive(self) -> bytes:
        """Return what has come, b"" at the server's end; raises OSError when the connection breaks."""
        if not self._reading:
            self._loop.add_reader(self._open.fileno(), self._wake)
            self._reading = True
        while True:
            await self._woken()
            try:
                return self._open.recv(_READ)
            except BlockingIOError:
                continue

    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return the addresses of this side and of the server; empty ones on a unix socket."""
        if self._open.family == socket.AF_UNIX:
            return ("", 0), ("", 0)
        here, there = self._open.getsockname(), self._open.getpeername()
        return here[:2], there[:2]

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._socket

    def _send_some(self, data: bytes) -> int:
        try:
            return self._open.send(data)
        except BlockingIOError:
            return 0

    async def _writable(self) -> None:
        # By number: the selector would print a socket object, addresses and all, each time that it is new to it.
        descriptor = self._open.fileno()
        self._loop.add_writer(descriptor, self._wake)
        try:
            await self._woken()
        finally:
            self._loop.remove_writer(descriptor)

    async def _woken(self) -> None:
        if self._expired:
            raise TimeoutError
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _expire(self) -> None:
        self._expired = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    async def _endpoint(self, address: Address | UnixAddress) -> _Endpoint:
        if isinstance(address, UnixAddress):
            return socket.AF_UNIX, address.name
        return _numeric(address.host, address.port) or await self._resolve(address)

    async def _resolve(self, address: Address) -> _Endpoint:
        lookup = first_address(address.host)
        lookup.add_done_callback(self._wake_from_thread)
        await self._woken()
        try:
            found = _numeric(lookup.result(), address.port)
        except (OSError, ValueError) as failure:
            reason = getattr(failure, "strerror", None) or "not a name"
            raise NotConnectedError(Outcome(CheckStatus.L4CON, None, printable(f"{address.host}: {reason}"))) from None
        if found is None:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return found

    def _wake_from_thread(self, _: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._wake)


_Endpoint = tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes] | bytes]
_READ = 16_384
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
# Shortages of this machine, which say nothing of the server.
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL})


def _socket(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return made


@lru_cache(maxsize=16_384)
def _numeric(host: str, port: int) -> _Endpoint | None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    family, _, _, _, where = found[0]
    return family, where


def _refusal(error: int) -> Outcome:
    text = os.strerror(error)
    text = text[:1].lower() + text[1:]
    if error in _OURS:
        return Outcome(CheckStatus.SOCKERR, None, f"this machine: {text}")
    return Outcome(CheckStatus.L4TOUT if error == errno.ETIMEDOUT else CheckStatus.L4CON, None, text)
