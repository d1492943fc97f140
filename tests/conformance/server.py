"""The server behind a lane: it records what it gets, connection by connection, and answers as a row says.

h11 finds the requests in what comes; `conformance.lane` reads the recorded bytes a second time, strictly. A request for
`/good/MARK` gets MARK back, whatever row is being played, so that every client can tell its own answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h11

from conformance.strict import read_answer
from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.rows import Row

GOOD = b"/good/"
_CLOCK = SystemClock()
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-From: server\r\n\r\ngood"
_LATE = 0.1
"""Seconds between an answer and what comes too late to belong to it."""
_BYTE = 0.3
"""Seconds between the bytes of an answer that drips."""


@dataclass(slots=True)
class Seen:
    """What the server saw of one row: the bytes of each connection, the requests in them, and h11's complaints."""

    requests: int = 0
    streams: dict[int, bytearray] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """All of the row's answer was written, what comes late too."""

    @property
    def data(self) -> bytes:
        """All bytes, connection by connection."""
        return b"".join(map(bytes, self.streams.values()))


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut bytes one by one; those between the first 640 and the last 64 of a long message in pieces.

    One by one they would take longer than the time for a head; `crates/proto` reads all of them so.
    """
    head, tail = (len(data), len(data)) if len(data) <= 1100 else (640, len(data) - 64)
    size = max(97, (tail - head) // 100)
    for i in range(head):
        yield data[i : i + 1]
    for i in range(head, tail, size):
        yield data[i : min(i + size, tail)]
    for i in range(tail, len(data)):
        yield data[i : i + 1]


class Server:
    """Answers on `port` until it is closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.row: Row | None = None
        self.bytewise = False
        self.seen = Seen()
        self._connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Start."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=256 * 1024)

    async def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()

    def play(self, row: Row | None, *, bytewise: bool = False) -> Seen:
        """Answer as this row says from now on, and record anew."""
        if row is not None and row.after == "at-accept":
            # Only who connects anew is accepted.
            for writer in self._open:
                writer.close()
        self.row, self.bytewise, self.seen = row, bytewise and row is not None and row.kind == "resp", Seen()
        return self.seen

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=256 * 1024)
        self._connections += 1
        self._open.add(writer)
        number = self._connections
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, h11.RemoteProtocolError):
            if self.row is not None and self.row.after == "at-accept":
                writer.write(self.row.raw)
            while await _Exchange(self, number, reader, writer, parser).serve():
                if parser.our_state is h11.MUST_CLOSE or parser.their_state is not h11.DONE:
                    break
                parser.start_next_cycle()
        self._open.discard(writer)
        writer.close()


class _Exchange:
    """One request on one connection."""

    def __init__(
        self,
        server: Server,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        parser: h11.Connection,
    ) -> None:
        self._server, self._number = server, number
        self._reader, self._writer, self._parser = reader, writer, parser
        self._row: Row | None = None
        self._target = b""
        self._method = b""

    async def serve(self) -> bool:
        """Read the request and answer it; return whether the connection may go on."""
        while True:
            try:
                event = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                if not self._reader.at_eof():
                    self._server.seen.faults.append(f"the server got no valid request: {error}")
                return False
            if event is h11.NEED_DATA:
                await self._read()
            elif isinstance(event, h11.Request):
                self._begin(event)
                if self._row is not None and self._row.after.startswith("early"):
                    return await self._answer_early(self._row)
            elif isinstance(event, h11.EndOfMessage):
                return await self._answer()
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return False

    async def _read(self) -> None:
        data = await self._reader.read(65536)
        self._server.seen.streams.setdefault(self._number, bytearray()).extend(data)
        self._parser.receive_data(data)

    def _begin(self, request: h11.Request) -> None:
        self._target, self._method = request.target, request.method
        if not self._target.startswith(GOOD):
            self._row = self._server.row
            self._server.seen.requests += 1

    async def _answer(self) -> bool:
        row = self._row
        if row is None or row.kind != "resp" or row.after == "at-accept":
            self._writer.write(self._good())
            await self._writer.drain()
            return self._may_go_on()
        late = read_answer(row.raw, self._method).rest if row.after == "late" else b""
        await self._write(row.raw.removesuffix(late), row)
        if late:
            await _CLOCK.sleep(_LATE)
            await self._write(late, row)
        self._server.seen.answered.set()
        if row.after == "rst":
            _linger(self._writer)
            self._writer.transport.abort()
        return row.after in ("hold", "late") and self._may_go_on()

    async def _write(self, data: bytes, row: Row) -> None:
        drips = row.after == "drip"
        for piece in pieces(data) if drips or self._server.bytewise else (data,):
            self._writer.write(piece)
            await _CLOCK.sleep(_BYTE if drips else 0)
            if self._writer.is_closing():
                return
        await self._writer.drain()

    def _good(self) -> bytes:
        answer = _OK
        if self._target.startswith(GOOD):
            mark = self._target.removeprefix(GOOD)
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(mark), mark)
        return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if self._method == b"HEAD" else answer

    async def _answer_early(self, row: Row) -> bool:
        """Answer before the body has come; then take the body, and close or go on as the row says."""
        self._writer.write(row.raw)
        await self._writer.drain()
        if row.after == "early-close":
            self._writer.write_eof()
            while await self._reader.read(65536):
                pass
            return False
        while not isinstance(event := self._parser.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                return False
            if event is h11.NEED_DATA:
                await self._read()
        return self._may_go_on()

    def _may_go_on(self) -> bool:
        """Tell the parser that an answer was sent; return whether another request may come."""
        self._parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        if self._parser.our_state is not h11.SEND_BODY:
            return False
        self._parser.send(h11.EndOfMessage())
        return True


def _linger(writer: asyncio.StreamWriter) -> None:
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
