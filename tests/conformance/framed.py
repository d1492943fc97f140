"""A client of HTTP/2 that sends bytes as they are, and says what came of them.

Owns the class of an outcome: what a row's bytes were answered with, and whether the connection serves on. A GOAWAY or
RST_STREAM without an error is no error.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hpack import HPACKError

from conformance.server import GOOD, pieces
from support.frames import (
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    Blocks,
    FrameReader,
    headers,
    opening,
    request,
)
from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from support.frames import Frame
    from tenbin.testing.client import Address

ALIVE = "alive"
TOLERATED = "tolerated"
HANG = "hang"

_CLOCK = SystemClock()
_NEXT = 0x1001
"""The stream of the request behind a row: above all of the row's."""
_QUIET = 1.0
"""Seconds without a word after which a row is as good as taken; below the proxies' timeouts."""
_TRAILING = 0.3
"""Seconds in which more may follow an answer."""


@dataclass(slots=True)
class Told:
    """All that came: statuses and bodies by stream, streams that were reset with an error, the error of GOAWAY."""

    statuses: dict[int, str] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    resets: set[int] = field(default_factory=set)
    goaway: int = 0
    closed: bool = False
    received: bytes = b""

    def kind(self) -> str:
        """Return the class of what came for a row, "" when nothing did."""
        if self.goaway:
            return "connection-error"
        if self.resets - {_NEXT}:
            return "stream-error"
        status = next((value for stream, value in self.statuses.items() if stream != _NEXT), "")
        if status:
            return "forward-ok" if status[0] in "23" else status
        return "close" if self.closed else ""

    def next_is(self, mark: bytes) -> bool:
        """Whether the request behind the row got what it asked for."""
        return self.statuses.get(_NEXT) == "200" and self.bodies.get(_NEXT) == mark

    def over(self) -> bool:
        """Whether nothing more can come for a request behind the row."""
        return self.closed or bool(self.goaway) or _NEXT in self.ended


def good(stream: int, mark: bytes) -> bytes:
    """Return a request that is answered with a mark."""
    return headers(stream, request(GOOD + mark))


async def exchange(address: Address, data: bytes, mark: bytes, patience: float, *, bytewise: bool) -> tuple[str, str]:
    """Send a row, then ask for a mark; return the class of the outcome, and what was wrong with the mark's answer."""
    told = Told()
    try:
        connection = _Connection(told, *await asyncio.open_connection(*address))
    except OSError:
        return "refused", ""
    try:
        async with asyncio.timeout(patience):
            return await _exchange(connection, data, mark, bytewise=bytewise)
    except TimeoutError:
        return told.kind() or HANG, ""
    finally:
        connection.close()


async def ask(address: Address, mark: bytes, patience: float) -> str:
    """Ask for a mark on a new connection; return "" or what was wrong with the answer."""
    kind, wrong = await exchange(address, opening(), mark, patience, bytewise=False)
    return wrong or ("" if kind == ALIVE else f"another request got {kind}")


async def _exchange(connection: _Connection, data: bytes, mark: bytes, *, bytewise: bool) -> tuple[str, str]:
    told = connection.told
    # A connection on which nothing was asked for has nothing to wait for.
    quiet = _QUIET if data != opening() else 0.0
    await connection.send(data, bytewise=bytewise)
    while not told.closed and await connection.listen(_TRAILING if told.kind() else quiet):
        pass
    kind = told.kind()
    if told.over():
        return kind, ""
    await connection.send(good(_NEXT, mark))
    while not told.over() and await connection.listen(None):
        pass
    if told.next_is(mark):
        # It may have overtaken the row's own answer.
        while not told.kind() and not told.closed and await connection.listen(quiet):
            pass
        return told.kind() or ALIVE, ""
    if _NEXT in told.statuses:
        return kind or ALIVE, f"the next request got {told.statuses[_NEXT]} {told.bodies.get(_NEXT, b'')[:80]!r}"
    # What is said now may be about the request behind the row.
    return kind or TOLERATED, ""


class _Connection:
    """One connection, read while it is written."""

    def __init__(self, told: Told, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.told = told
        self._reader, self._writer = reader, writer
        self._frames, self._blocks = FrameReader(), Blocks()

    async def send(self, data: bytes, *, bytewise: bool = False) -> None:
        """Send bytes, in one piece or one by one, and take what comes meanwhile."""
        writing = asyncio.ensure_future(self._write(data, bytewise=bytewise))
        while not writing.done() and not self.told.closed:
            await self.listen(0.02)
        writing.cancel()

    async def listen(self, seconds: float | None) -> bool:
        """Take what comes next; return whether something did in this time."""
        try:
            async with asyncio.timeout(seconds):
                data = await self._reader.read(65536)
        except TimeoutError:
            return False
        except OSError:
            # What came before the reset counts.
            self._reader.set_exception(None)  # type: ignore[arg-type]
            self._reader.feed_eof()
            data = await self._reader.read()
            self.told.closed = True
        self.told.received += data
        self.told.closed |= not data
        with contextlib.suppress(HPACKError):
            for frame in self._frames.feed(data):
                self._take(frame)
        return bool(data)

    def _take(self, frame: Frame) -> None:
        told = self.told
        if frame.kind == GOAWAY:
            told.goaway = told.goaway or frame.error
        elif frame.kind == RST_STREAM and frame.error:
            told.resets.add(frame.stream)
        elif frame.kind == DATA:
            told.bodies[frame.stream] = told.bodies.get(frame.stream, b"") + frame.content
        elif frame.kind in (HEADERS, CONTINUATION):
            status = dict(self._blocks.take(frame) or ()).get(b":status", b"1").decode("latin-1")
            if not status.startswith("1"):
                told.statuses.setdefault(frame.stream, status)
        if frame.ends_stream:
            told.ended.add(frame.stream)

    async def _write(self, data: bytes, *, bytewise: bool) -> None:
        with contextlib.suppress(OSError):
            if bytewise:
                await self._write_pieces(data)
                return
            self._writer.write(data)
            await self._writer.drain()

    async def _write_pieces(self, data: bytes) -> None:
        """Write past the stream: a write of its own that fails would take with it what came and was not read yet."""
        with socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno())) as past:
            past.setblocking(False)
            for piece in pieces(data):
                rest = piece
                while rest:
                    with contextlib.suppress(BlockingIOError):
                        rest = rest[past.send(rest) :]
                    await _CLOCK.sleep(0)

    def close(self) -> None:
        """Close it."""
        self._writer.close()
