"""A lane: one way through a proxy to a recording server of its own, on which rows are played one after the other.

Lanes do not share servers, so what a server sees belongs to the row that is being played, whatever connections the
proxy keeps and uses again. Owns the clients and the order of a row; `conformance.judge` says what was wrong with it.

A row is played, whole or one byte a segment, while another client asks for something of its own; then a second request
goes over the row's own connection if it was kept, and others over new ones. Every answer must be its asker's.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.framed import ask, exchange
from conformance.judge import Outcome, judge
from conformance.server import GOOD, Server, pieces
from conformance.strict import read_requests
from tenbin.clock import SystemClock
from tenbin.testing import ExchangeError, Failure, ResponseReader
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from conformance.rows import Row
    from conformance.server import Seen
    from tenbin.testing.client import Address

PATIENCE = 9.0
"""Seconds after which an answer is not coming any more: well above the 2 s that rows of HTTP/1 may end in."""
BYTEWISE = "bytewise"

_CLOCK = SystemClock()
_POST = request_bytes("POST", "/row", [("Content-Length", str(1024 * 1024))]) + b"x" * (1024 * 1024)
_FURTHER = 7.0
"""Seconds for the answers to further requests."""
_AFTERWARDS = 2
"""Good requests on new connections after every row."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What a client sends, and what it wants to know of the answer."""

    data: bytes
    method: str = "GET"
    fin: bool = False
    bytewise: bool = False
    mark: bytes = b""
    """What the answer must hold."""
    answers: int = 1
    """How many answers there may be: requests may stand one behind the other."""
    then: bytes = b""
    """A mark to ask for on the same connection afterwards, if it lives on."""
    after: asyncio.Event | None = None
    """What to wait for before that."""


@dataclass(slots=True)
class Got:
    """The class of the answer, a status or what went wrong, with all bytes that came, and what became of `then`."""

    kind: str = ""
    received: bytes = b""
    then: str = ""


class Lane:
    """A recording server on `port`, and the clients on the other side of the proxy."""

    def __init__(self, port: int) -> None:
        self.front: Address = ("127.0.0.1", 0)
        self._server = Server(port)
        self._marks = 0

    async def listen(self) -> None:
        """Start the server."""
        await self._server.listen()

    async def close(self) -> None:
        """Stop the server."""
        await self._server.close()

    async def play(self, row: Row, variant: str = "") -> Outcome:
        """Play one row and judge it."""
        begin = _CLOCK.now()
        seen = self._server.play(row, bytewise=variant == BYTEWISE)
        beside = None if row.kind != "resp" or row.after == "at-accept" else asyncio.ensure_future(self._good())
        if row.kind == "h2":
            kind, wrong = await exchange(self.front, row.raw, self._mark(), PATIENCE, bytewise=variant == BYTEWISE)
            got = Got(kind, then=wrong)
        else:
            got = await self._send(self._sending(row, seen, bytewise=variant == BYTEWISE))
        others = [got.then, "" if beside is None else await beside]
        seconds = _CLOCK.now() - begin
        self._server.play(None)
        others += [await self._good(framed=row.kind == "h2") for _ in range(_AFTERWARDS)]
        return judge(row, variant, (_kind(row, got), got.received, seconds), seen, [text for text in others if text])

    def _sending(self, row: Row, seen: Seen, *, bytewise: bool) -> Sending:
        if row.kind == "req":
            method = "HEAD" if row.raw.startswith(b"HEAD ") else "GET"
            answers = len(read_requests(row.raw).whole)
            return Sending(row.raw, method, fin=row.after == "fin", bytewise=bytewise, answers=answers)
        data = _POST if row.method == "POST1M" else request_bytes(row.method, "/row")
        # What the server says at accept is no answer to anyone.
        then = b"" if row.after == "at-accept" else self._mark()
        after = seen.answered if row.after == "late" else None
        return Sending(data, "HEAD" if row.method == "HEAD" else "GET", then=then, after=after)

    def _mark(self) -> bytes:
        self._marks += 1
        return b"mark-%d-%d" % (self._server.port, self._marks)

    async def _good(self, *, framed: bool = False) -> str:
        """Ask for a mark on a new connection; return "" or what was wrong with the answer."""
        mark = self._mark()
        if framed:
            return await ask(self.front, mark, PATIENCE)
        got = await self._send(Sending(_ask(mark), mark=mark))
        return "" if got.kind == "200" else f"another request got {got.kind}"

    async def _send(self, sending: Sending) -> Got:
        got = Got("refused")
        try:
            reader, writer = await asyncio.open_connection(*self.front)
        except OSError:
            return got
        client = _Client(reader, writer)
        writing = asyncio.ensure_future(client.write(sending))
        try:
            async with asyncio.timeout(PATIENCE):
                got.kind = await client.read(sending.method, sending.mark)
                await client.read_more(sending.answers - 1)
                await client.trailing()
                got.received = bytes(client.received)
                if sending.after is not None:
                    await sending.after.wait()
                if sending.then and client.lives_on:
                    got.then = await client.ask_again(sending.then)
        except TimeoutError:
            got = Got("stalled" if client.received else "hang", bytes(client.received))
        finally:
            writing.cancel()
            writer.close()
        return got


class _Client:
    """One connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received = bytearray()
        self.lives_on = False
        self._reader, self._writer = reader, writer
        self._answers = ResponseReader()

    async def write(self, sending: Sending) -> None:
        with contextlib.suppress(OSError):
            for piece in pieces(sending.data) if sending.bytewise else (sending.data,):
                self._writer.write(piece)
                await _CLOCK.sleep(0)
            await self._writer.drain()
            if sending.fin:
                self._writer.write_eof()

    async def read(self, method: str, mark: bytes) -> str:
        """Return the status of the next answer, or what is wrong with it."""
        while True:
            try:
                answer = self._answers.next_response(method)
            except ExchangeError as error:
                return "truncated" if error.failure is Failure.TRUNCATED else "raw"
            if answer is not None:
                self.lives_on = answer.keep_alive and not self._answers.eof
                right = not mark or answer.body == mark
                return str(answer.status) if right else f"another answer: {answer.status} {answer.body[:200]!r}"
            if self._answers.eof:
                return "close"
            try:
                data = await self._reader.read(65536)
            except ConnectionError:
                return "truncated" if self._answers.begun else "close"
            self.received += data
            self._answers.feed(data)

    async def read_more(self, count: int) -> None:
        """Take answers to further requests, as far as they come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FURTHER):
                while count > 0 and self.lives_on and (await self.read("GET", b"")).isdigit():
                    count -= 1

    async def ask_again(self, mark: bytes) -> str:
        """Ask for a mark on the same connection, which may have been closed meanwhile; return what was wrong."""
        if self._answers.eof:
            return ""
        with contextlib.suppress(OSError):
            self._writer.write(_ask(mark))
        kind = await self.read("GET", mark)
        return "" if kind in ("200", "close") else f"the next request of the same client got {kind}"

    async def trailing(self) -> None:
        """Take what comes right behind an answer: bytes there may be what must not be."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(0.05):
                data = await self._reader.read(65536)
                self.received += data
                self._answers.feed(data)


def _ask(mark: bytes) -> bytes:
    return request_bytes("GET", (GOOD + mark).decode())


def _kind(row: Row, got: Got) -> str:
    """The class of an outcome as the corpus calls it."""
    if row.kind == "h2":
        return got.kind
    if row.kind == "req":
        return "forward-ok" if got.kind[0] in "23" else got.kind
    if got.kind in ("502", "504") and got.kind.encode() not in row.raw[:20]:
        return got.kind
    return {"truncated": "abort", "stalled": "abort"}.get(got.kind, "pass" if got.kind.isdigit() else got.kind)
