"""A lane: one way through a proxy to a recording server of its own, on which rows are played one after the other.

Lanes do not share servers, so what a server sees belongs to the row that is being played, whatever connections the
proxy keeps and uses again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h11

from tenbin.clock import SystemClock
from tenbin.testing import ExchangeError, Failure, ResponseReader
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from conformance.rows import Row
    from tenbin.testing.client import Address

PATIENCE = 9.0
"""Seconds after which an answer is not coming any more; well above the proxies' timeouts of 2 s."""

_CLOCK = SystemClock()
_GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-From: server\r\n\r\ngood"
_BARE = re.compile(rb"\x00|\r(?!\n)|(?<!\r)\n")
_POST = request_bytes("POST", "/row", [("Content-Length", str(1024 * 1024))]) + b"x" * (1024 * 1024)


@dataclass(slots=True)
class Seen:
    """What the server saw of one row."""

    requests: int = 0
    data: bytearray = field(default_factory=bytearray)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a row went: the class of what came back, and everything that broke a rule."""

    row: Row
    variant: str
    got: str
    seconds: float
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """The row's id, and how it was sent when that was not in one piece."""
        return f"{self.row.id}/{self.variant}" if self.variant else self.row.id

    @property
    def ok(self) -> bool:
        """Whether the outcome is one of the expected, and nothing else was wrong."""
        return not self.problems

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(self.problems) or self.got} [{self.row.category}: {self.row.note}]"


class Lane:
    """A recording server on `port`, and the client on the other side of the proxy."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.front: Address = ("127.0.0.1", 0)
        self._row: Row | None = None
        self._seen = Seen()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Start the server."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=256 * 1024)

    async def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.close()

    async def play(self, row: Row, variant: str = "") -> Outcome:
        """Play one row, then a good request on a new connection, and judge both."""
        begin, self._row, self._seen = _CLOCK.now(), row, Seen()
        got, received = await self._exchange(row, bytewise=variant == "bytewise")
        seconds, seen, self._row = _CLOCK.now() - begin, self._seen, None
        self._seen = Seen()
        problems = [] if got in row.expected else [f"got {got}, not {' or '.join(sorted(row.expected))}"]
        problems += self._rules(row, got, seen, received)
        after, _ = await self._send(request_bytes("GET", "/good"), method="GET", expect=b"good")
        if after != "200":
            problems.append(f"the next request got {after}")
        return Outcome(row, variant, got, seconds, tuple(problems))

    # The client --------------------------------------------------------------------------------------------------

    async def _exchange(self, row: Row, *, bytewise: bool) -> tuple[str, bytes]:
        if row.kind == "req":
            method = "HEAD" if row.raw.startswith(b"HEAD ") else "GET"
            got, received = await self._send(row.raw, method=method, fin=row.after == "fin", bytewise=bytewise)
            return ("forward-ok" if got[0] in "23" else got), received
        data = _POST if row.method == "POST1M" else request_bytes(row.method, "/row")
        got, received = await self._send(data, method="HEAD" if row.method == "HEAD" else "GET")
        if got in ("502", "504") and got.encode() not in row.raw[:20]:
            return got, received
        return {"truncated": "abort", "stalled": "abort"}.get(got, "pass" if got.isdigit() else got), received

    async def _send(
        self, data: bytes, *, method: str = "GET", fin: bool = False, bytewise: bool = False, expect: bytes = b""
    ) -> tuple[str, bytes]:
        """Send bytes and return the class of the answer (a status, or what went wrong) with all that came."""
        try:
            reader, writer = await asyncio.open_connection(*self.front)
        except OSError:
            return "refused", b""
        received = bytearray()
        writing = asyncio.ensure_future(_write(writer, data, fin=fin, bytewise=bytewise))
        try:
            async with asyncio.timeout(PATIENCE):
                got = await _read_answer(reader, received, method, expect)
        except TimeoutError:
            got = "stalled" if received else "hang"
        finally:
            writing.cancel()
            writer.close()
        return got, bytes(received)

    def _rules(self, row: Row, got: str, seen: Seen, received: bytes) -> list[str]:
        problems = list(seen.faults)
        if row.kind == "req" and 0 <= row.max_fwd < seen.requests:
            problems.append(f"the server saw {seen.requests} requests, at most {row.max_fwd} allowed")
        if row.kind == "req" and got == "forward-ok" and not seen.requests:
            problems.append("answered without asking the server")
        other = bytes(seen.data) if row.kind == "req" else received
        judged = row.kind == "req" or got not in ("502", "504")
        if row.must_not and judged and row.must_not.search(other.decode("latin-1")):
            problems.append(f"the other side received what matches {row.must_not.pattern!r}")
        return problems

    # The server --------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=256 * 1024)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, h11.RemoteProtocolError):
            if self._row is not None and self._row.after == "at-accept":
                writer.write(self._row.raw)
            while await self._serve_one(reader, writer, parser):
                if parser.our_state is h11.MUST_CLOSE or parser.their_state is not h11.DONE:
                    break
                parser.start_next_cycle()
        writer.close()

    async def _serve_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parser: h11.Connection
    ) -> bool:
        """Read one request and answer it as the row says; return whether the connection may go on."""
        raw, method = bytearray(), b""
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                if reader.at_eof():
                    return False
                self._seen.faults.append(f"the server got no valid request: {error}")
                return False
            if event is h11.NEED_DATA:
                data = await reader.read(65536)
                self._seen.data += data
                raw += data
                parser.receive_data(data)
            elif isinstance(event, h11.Request):
                self._count(raw)
                method = event.method
                if self._row is not None and self._row.after.startswith("early"):
                    return await self._answer_early(reader, writer, parser)
            elif isinstance(event, h11.EndOfMessage):
                return await self._answer(writer, parser, method)
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return False

    def _count(self, raw: bytearray) -> None:
        self._seen.requests += 1
        head = bytes(raw).partition(b"\r\n\r\n")[0]
        if found := _BARE.search(head):
            self._seen.faults.append(f"bare {found[0]!r} in the forwarded head")

    async def _answer(self, writer: asyncio.StreamWriter, parser: h11.Connection, method: bytes) -> bool:
        row = self._row
        if row is None or row.kind == "req" or row.after == "at-accept":
            writer.write(_GOOD.removesuffix(b"good") if method == b"HEAD" else _GOOD)
            await writer.drain()
            return _go_on(parser)
        if row.after == "drip":
            for i in range(len(row.raw)):
                writer.write(row.raw[i : i + 1])
                await _CLOCK.sleep(0.3)
                if writer.is_closing():
                    return False
        else:
            writer.write(row.raw)
        await writer.drain()
        return await self._finish(writer, parser, row)

    async def _finish(self, writer: asyncio.StreamWriter, parser: h11.Connection, row: Row) -> bool:
        if row.after == "rst":
            _linger(writer)
            writer.transport.abort()
        if row.after != "hold":
            return False
        return _go_on(parser)

    async def _answer_early(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parser: h11.Connection
    ) -> bool:
        """Answer before the body has come; then take the body, and close or go on as the row says."""
        assert self._row is not None
        row = self._row
        writer.write(row.raw)
        await writer.drain()
        if row.after == "early-close":
            writer.write_eof()
            while await reader.read(65536):
                pass
            return False
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.ConnectionClosed):
                return False
            if event is h11.NEED_DATA:
                parser.receive_data(await reader.read(65536))
        return _go_on(parser)


def _go_on(parser: h11.Connection) -> bool:
    """Tell the parser that an answer was sent; return whether another request may come."""
    parser.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
    if parser.our_state is not h11.SEND_BODY:
        return False
    parser.send(h11.EndOfMessage())
    return True


async def _write(writer: asyncio.StreamWriter, data: bytes, *, fin: bool, bytewise: bool) -> None:
    with contextlib.suppress(OSError):
        if bytewise:
            for i in range(len(data)):
                writer.write(data[i : i + 1])
                await _CLOCK.sleep(0)
        else:
            writer.write(data)
            await writer.drain()
        if fin:
            writer.write_eof()


async def _read_answer(reader: asyncio.StreamReader, received: bytearray, method: str, expect: bytes) -> str:
    answers = ResponseReader()
    while True:
        try:
            answer = answers.next_response(method)
        except ExchangeError as error:
            if error.failure is Failure.TRUNCATED:
                return "truncated"
            return "raw"
        if answer is not None:
            await _trailing(reader, received)
            return (
                str(answer.status)
                if not expect or answer.body == expect
                else f"another answer: {answer.status} {answer.body[:200]!r}"
            )
        if answers.eof:
            return "close"
        try:
            data = await reader.read(65536)
        except ConnectionError:
            return "truncated" if answers.begun else "close"
        received += data
        answers.feed(data)


async def _trailing(reader: asyncio.StreamReader, received: bytearray) -> None:
    """Take what comes right behind an answer: bytes there may be what must not be."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(0.05):
            received += await reader.read(65536)


def _linger(writer: asyncio.StreamWriter) -> None:
    peer: socket.socket = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
