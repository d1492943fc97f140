"""A server that does with each connection exactly what a test says, and remembers what it received."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple, Self

from tenbin.testing import Client, Tenbin, lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    Script = Callable[["Peer"], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """One connection of a scripted server; `received` are all bytes that came on it."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.socket = connection
        self.number = number
        self.closed = threading.Event()
        self.received = bytearray()
        self._parsed = 0

    def read(self) -> bytes:
        """Return what comes next, b"" at the end."""
        try:
            data = self.socket.recv(256 * 1024)
        except ConnectionResetError:
            data = b""
        self.received += data
        return data

    def read_head(self) -> bytes:
        """Return the next request's head, b"" when the peer has closed."""
        while (end := self.received.find(b"\r\n\r\n", self._parsed)) < 0:
            if not self.read():
                return b""
        head = bytes(self.received[self._parsed : end + 4])
        self._parsed = end + 4
        return head

    def read_exactly(self, size: int) -> bytes:
        """Return the next bytes after a head, fewer when the peer has closed."""
        while len(self.received) < self._parsed + size and self.read():
            pass
        data = bytes(self.received[self._parsed : self._parsed + size])
        self._parsed += len(data)
        return data

    def read_until(self, mark: bytes) -> bytes:
        """Return the bytes up to and with `mark`."""
        while (end := self.received.find(mark, self._parsed)) < 0:
            if not self.read():
                return b""
        data = bytes(self.received[self._parsed : end + len(mark)])
        self._parsed = end + len(mark)
        return data

    def send(self, data: bytes) -> None:
        """Write bytes; a peer that is gone does not matter."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def hold(self) -> None:
        """Keep the connection open and silent until the peer closes."""
        while self.read():
            pass

    def wait_closed(self) -> None:
        """Read nothing until the test's server is closed."""
        self.closed.wait(30)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


class ScriptedServer:
    """Runs `script` on every connection, each in a thread; a connection is closed when its script returns.

    It has a port, or listens on the path of a unix socket, where one is given.
    """

    def __init__(self, script: Script, path: Path | None = None) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self._lease = lease()
        self.port = self._lease.ports[0]
        self._listener = _listening(path or ("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def received(self) -> bytes:
        """All bytes that came, connection by connection."""
        return b"".join(bytes(peer.received) for peer in self.peers)

    def wait_peer(self, number: int = 0, deadline: float = 5.0) -> Peer:
        """Wait for a connection and return it."""
        wait_for(lambda: len(self.peers) > number, deadline, f"connection {number} arrives")
        return self.peers[number]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(connection, len(self.peers))
            self.peers.append(peer)
            threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer: Peer) -> None:
        try:
            self.script(peer)
        except OSError:
            pass
        finally:
            peer.socket.close()

    def close(self) -> None:
        """Stop listening and close all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            peer.closed.set()
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        self._lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _listening(at: Path | tuple[str, int]) -> socket.socket:
    if isinstance(at, tuple):
        return socket.create_server(at, backlog=1024)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(at))
    listener.listen(1024)
    return listener


def once(answer: bytes) -> Script:
    """Return a script that sends these bytes after a bodyless request and closes."""

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer)

    return script


def answering(answer: bytes = OK) -> Script:
    """Return a script that answers every bodyless request with these bytes, for as long as the peer asks."""

    def script(peer: Peer) -> None:
        while peer.read_head():
            peer.send(answer)

    return script


class Scripted(NamedTuple):
    """A Tenbin in front of one scripted server; connections to the server are not used again."""

    tenbin: Tenbin
    server: ScriptedServer

    def client(self, script: Script | None = None, timeout: float = 10.0) -> Client:
        """Give the server a script and open a connection to Tenbin."""
        if script is not None:
            self.server.script = script
        self.server.peers.clear()
        return Client(self.tenbin.address, timeout)
