"""Long bodies cut into awkward pieces, both ways, compared by hash.

A server of its own, and clients; both send pieces of sizes by chance or single bytes, and receive through tiny windows
if they are told to. What was sent is hashed where it leaves, and where it arrives.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from faults.harness.dice import Dice
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from support.scripted import Peer
    from tenbin.testing.client import Address

Way = Literal["down", "up"]
Framing = Literal["length", "chunked", "close"]
Cut = Literal["bytes", "pieces", "large"]

SINGLE = 8192
"""How many single bytes begin a body that is cut into bytes; the rest comes in pieces."""

_TINY = 2048
_SEGMENT = 300
_BLOCK = hashlib.shake_256(b"bulk").digest(1 << 20)
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """One body: its way, framing, length, how it is cut, whether the receiver's window is tiny, and its seed."""

    way: Way
    framing: Framing
    cut: Cut
    tiny: bool
    size: int
    seed: int

    def __str__(self) -> str:
        return f"{self.way} {self.framing} {self.cut}{' tiny window' if self.tiny else ''}"

    def target(self) -> str:
        """Return what tells the server what to do."""
        return f"/{self.way}/{self.framing}/{self.cut}/{int(self.tiny)}/{self.size}/{self.seed}"

    @classmethod
    def of(cls, target: str) -> Cell:
        """Read what `target` wrote."""
        way, framing, cut, tiny, size, seed = target.strip("/").split("/")
        return cls(way, framing, cut, tiny == "1", int(size), int(seed))  # type: ignore[arg-type]


class Ran(NamedTuple):
    """What became of a cell: the hash where it left, the one where it arrived, and what went wrong, if anything."""

    cell: Cell
    sent: str
    arrived: str
    error: str

    @property
    def equal(self) -> bool:
        """Whether all of it arrived as it was."""
        return not self.error and self.sent == self.arrived


class BulkServer:
    """Sends and takes bodies as the target says."""

    def __init__(self) -> None:
        self.server = ScriptedServer(self._serve)
        self.port = self.server.port

    def _serve(self, peer: Peer) -> None:
        peer.socket.settimeout(_PATIENCE)
        while head := peer.read_head():
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            if target == "/health":
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                continue
            cell = Cell.of(target)
            if method == "POST":
                self._take(peer, cell, chunked=b"encoding: chunked" in head.lower())
            else:
                self._give(peer, cell)
            # A connection with a tiny window would slow down whoever gets it next.
            if cell.framing == "close" or cell.tiny:
                return
            # What was received is not needed any more.
            del peer.received[: peer._parsed]
            peer._parsed = 0

    def _give(self, peer: Peer, cell: Cell) -> None:
        peer.socket.sendall(b"HTTP/1.1 200 OK\r\n" + _framing(cell) + b"\r\n")
        send_body(peer.socket.sendall, cell)

    def _take(self, peer: Peer, cell: Cell, *, chunked: bool) -> None:
        if cell.tiny:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TINY)
        body = Receiver(peer.socket, bytes(peer.received[peer._parsed :]))
        digest = body.chunks() if chunked else body.exactly(cell.size)
        peer.received.clear()
        peer._parsed = 0
        close = b"Connection: close\r\n" if cell.tiny else b""
        peer.send(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (close, len(digest), digest.encode()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()


def run(cell: Cell, address: Address) -> Ran:
    """Send or fetch one body."""
    sent = arrived = ""
    try:
        with contextlib.closing(_connect(address, tiny=cell.tiny and cell.way == "down")) as one:
            if cell.way == "up":
                sent, arrived = _upload(one, cell)
            else:
                arrived = _download(one, cell)
                sent = send_body(lambda _: None, cell)
    except (OSError, EOFError, ValueError) as error:
        return Ran(cell, sent, arrived, f"{type(error).__name__}: {error}")
    return Ran(cell, sent, arrived, "")


def _connect(address: Address, *, tiny: bool) -> socket.socket:
    one = socket.socket()
    one.settimeout(_PATIENCE)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tiny:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _TINY)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
    one.connect(address)
    return one


def _upload(one: socket.socket, cell: Cell) -> tuple[str, str]:
    one.sendall(f"POST {cell.target()} HTTP/1.1\r\nHost: bulk\r\n".encode() + _framing(cell) + b"\r\n")
    sent = send_body(one.sendall, cell)
    answer = Receiver(one, b"")
    head = answer.head()
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(head.decode("latin-1"))
    return sent, answer.rest(32)


def _download(one: socket.socket, cell: Cell) -> str:
    one.sendall(f"GET {cell.target()} HTTP/1.1\r\nHost: bulk\r\n\r\n".encode())
    answer = Receiver(one, b"")
    head = answer.head().lower()
    if not head.startswith(b"http/1.1 200"):
        raise ValueError(head.decode("latin-1"))
    if b"chunked" in head:
        return answer.chunks()
    return answer.exactly(cell.size) if b"content-length" in head else answer.all()


def send_body(send: Callable[[bytes], object], cell: Cell) -> str:
    """Send a body framed and cut as the cell says; return its hash."""
    digest = hashlib.blake2b(digest_size=16)
    for piece in _pieces(cell):
        digest.update(piece)
        if cell.framing == "chunked":
            send(b"%x\r\n" % len(piece))
            send(piece + b"\r\n")
        else:
            send(piece)
    if cell.framing == "chunked":
        send(b"0\r\n\r\n")
    return digest.hexdigest()


def _framing(cell: Cell) -> bytes:
    headers = {"length": b"Content-Length: %d\r\n" % cell.size, "chunked": b"Transfer-Encoding: chunked\r\n"}
    close = b"Connection: close\r\n" if cell.tiny or cell.framing == "close" else b""
    return headers.get(cell.framing, b"") + close


def _pieces(cell: Cell) -> Iterator[bytes]:
    dice, done = Dice(cell.seed), 0
    while done < cell.size:
        longest = {"bytes": 1 if done < SINGLE else 60_000, "pieces": 60_000, "large": 1 << 20}[cell.cut]
        length = longest if cell.cut == "large" else 1 + dice.below(longest)
        begin = (done * 7919) % (len(_BLOCK) // 2)
        piece = _BLOCK[begin : begin + min(length, cell.size - done, len(_BLOCK) // 2)]
        done += len(piece)
        yield piece


class Receiver:
    """Takes a body from a socket and hashes it."""

    def __init__(self, source: socket.socket, data: bytes) -> None:
        self._socket = source
        self._data = data
        self._digest = hashlib.blake2b(digest_size=16)

    def head(self) -> bytes:
        """Take a head."""
        return self._until(b"\r\n\r\n")

    def exactly(self, size: int) -> str:
        """Take so many bytes."""
        while size > 0:
            piece = (self._data or self._more())[:size]
            self._data = self._data[len(piece) :]
            self._digest.update(piece)
            size -= len(piece)
        return self._digest.hexdigest()

    def chunks(self) -> str:
        """Take chunks up to the last one."""
        while size := int(self._until(b"\r\n"), 16):
            self.exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return self._digest.hexdigest()

    def all(self) -> str:
        """Take everything up to the end."""
        with contextlib.suppress(EOFError):
            while True:
                self.exactly(len(self._data or self._more()))
        return self._digest.hexdigest()

    def rest(self, size: int) -> str:
        """Take so many bytes as text."""
        while len(self._data) < size:
            self._data += self._take()
        return self._data[:size].decode()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._data:
            self._data += self._take()
        found, _, self._data = self._data.partition(mark)
        return found

    def _more(self) -> bytes:
        self._data = self._take()
        return self._data

    def _take(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise EOFError("the stream ended too early")
        return data
