"""Clients that are slow on purpose, many at a time, and a server with much to say."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import select
import shutil
import socket
import struct
import subprocess
import threading
from typing import TYPE_CHECKING, Self

from tenbin.clock import SystemClock
from tenbin.testing import lease, wait_for

if TYPE_CHECKING:
    from types import TracebackType

    from tenbin.testing.client import Address

CLOCK = SystemClock()
_SS = shutil.which("ss", path="/usr/bin:/bin:/usr/sbin:/sbin") or "ss"


class Crowd:
    """Connections that each send `first` and then one byte of `rest` every half second; they never read.

    They come `rate` a second (0: all at once). `ends` holds for each that was ended how many seconds after its start,
    `quiet` how many seconds after its system had last taken something.
    """

    def __init__(self, address: Address, count: int, first: bytes, rest: bytes = b"", *, rate: float = 0) -> None:
        self._rest = rest
        self._sockets: dict[int, socket.socket] = {}
        self._starts: dict[int, float] = {}
        self.ends: list[float] = []
        self.quiet: list[float] = []
        self._poll = select.epoll()
        # Who waits for a refusal sees it as bytes; who does not read an answer sees only a reset.
        events = select.EPOLLRDHUP | select.EPOLLERR | select.EPOLLHUP | (select.EPOLLIN if rest else 0)
        for _ in range(count):
            one = socket.socket()
            one.settimeout(5)
            one.connect(address)
            one.sendall(first)
            one.setblocking(False)
            self._sockets[one.fileno()] = one
            self._starts[one.fileno()] = CLOCK.now()
            self._poll.register(one, events)
            if rate:
                threading.Event().wait(1 / rate)
        self._next = CLOCK.now()

    @property
    def alive(self) -> int:
        """How many have not been ended."""
        return len(self._sockets)

    def step(self) -> None:
        """Send what is due, and see who was ended."""
        for number, _ in self._poll.poll(0.02):
            self.ends.append(CLOCK.now() - self._starts[number])
            self._poll.unregister(number)
            with self._sockets.pop(number) as one:
                self.quiet.append(since_last_received(one))
        if self._rest and CLOCK.now() >= self._next:
            self._next = CLOCK.now() + 0.5
            for one in self._sockets.values():
                with contextlib.suppress(OSError):
                    one.send(self._rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._sockets.values():
            one.close()
        self._poll.close()


class Fountain:
    """A server that answers every request with so many bytes, as fast as they are taken."""

    def __init__(self, size: int) -> None:
        self._lease = lease()
        self.port = self._lease.ports[0]
        self._size = size
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        wait_for(self._ready.is_set, 5, "the server listens")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        listener = socket.socket()
        # What waits in this machine is not what is to be seen, and costs time to write.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=listener, backlog=4096))
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        piece = bytes(64 * 1024)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % self._size)
            for _ in range(self._size // len(piece)):
                writer.write(piece)
                await writer.drain()
        writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._lease.release()


def since_last_received(connection: socket.socket) -> float:
    """Return how many seconds ago the system took the last byte that came on a connection."""
    # tcpi_last_data_recv, in milliseconds: the 12th of the numbers behind eight bytes.
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return float(struct.unpack_from("=I", info, 8 + 11 * 4)[0]) / 1000


def allow_many() -> None:
    """Let this process have as many descriptors as the system grants."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def socket_memory(which: str) -> int:
    """Return the bytes that the system holds for sockets that a filter of ss names; 0 where ss is not there."""
    try:
        text = subprocess.run((_SS, "-Htnm", which), capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    return sum(int(r) + int(w) for r, w in re.findall(r"skmem:\(r(\d+),.*?,f\d+,w(\d+)", text))
