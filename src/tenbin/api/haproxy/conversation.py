"""One connection to the runtime API, from its first line to its end.

Owns what is read and when it is answered: one command and the end, or, with a prompt, one after the other. Reads at
most a line of 16 KiB and a payload of 4 MiB, and never more than a client has been answered for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Call, Goodbye, Said, Seat, parse, severe
from tenbin.api.haproxy.commands import TABLE
from tenbin.errors import TenbinError

if TYPE_CHECKING:
    from tenbin.api.haproxy.port import Runtime
    from tenbin.model import RuntimeSocket

LINE = 16_384
PAYLOAD = 4 << 20
_STALL = 10.0
"""Seconds in which a client reads something of its answer."""


class Conversation:
    """Speaks with one client."""

    def __init__(self, runtime: Runtime, place: RuntimeSocket) -> None:
        self._runtime = runtime
        self.table = TABLE
        self._exposes = place.exposes
        self._seat = Seat(place.level, place.timeout / 1000 or 10.0)

    @property
    def prompt(self) -> str:
        """What asks for the next command."""
        return "\n> "

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the client has no more to ask, is silent for too long, or says what nobody takes."""
        with contextlib.suppress(ConnectionError, Goodbye, TimeoutError, asyncio.LimitOverrunError, ValueError):
            while (line := await self._line(reader)) is not None:
                await self._answer(line, reader, writer)
                # Several commands may come at once without a prompt; whoever asks no more is not waited for.
                if not self._seat.interactive and not _buffered(reader):
                    break
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), _STALL)

    async def _line(self, reader: asyncio.StreamReader) -> str | None:
        line = await asyncio.wait_for(reader.readline(), self._seat.timeout or None)
        if len(line) > LINE:
            return None
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n") if line else None

    async def _answer(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line == "_getsocks":
            await self._hand_over(writer)
            raise Goodbye
        request = parse(line)
        payload = "" if request.payload is None else await self._payload(reader, request.payload)
        if not request.commands:
            await self._write(writer, "")
        for place, words in enumerate(request.commands):
            last = place == len(request.commands) - 1
            await self._write(writer, await self._carried_out(words, payload if last else ""))

    async def _hand_over(self, writer: asyncio.StreamWriter) -> None:
        """Give the listening sockets to a successor, where that is allowed."""
        if not self._exposes:
            return
        from tenbin.dataplane import handover

        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as client:
            # The stream would take the answer for a command.
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            with contextlib.suppress(OSError):
                await asyncio.to_thread(handover.give, client, self._runtime.listeners)

    async def _payload(self, reader: asyncio.StreamReader, end: str) -> str:
        lines: list[str] = []
        size = 0
        while (line := await self._line(reader)) is not None and line != end:
            size += len(line) + 1
            if size > PAYLOAD:
                raise Goodbye
            lines.append(line)
        return "".join(f"{line}\n" for line in lines)

    async def _carried_out(self, words: tuple[str, ...], payload: str) -> str:
        call = Call(words, payload, self._seat, self._runtime)
        command = self.table.find(words)
        if command is None:
            return self.table.help(words, self._seat.level)
        try:
            call.need(command.level)
            return await command.run(call)
        except Said as answer:
            return severe(answer, self._seat.severity)
        except TenbinError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return severe(Said(f"{error.message}{hint}.\n".replace("..", ".")), self._seat.severity)

    async def _write(self, writer: asyncio.StreamWriter, text: str) -> None:
        """Send an answer in pieces, so that a client that reads slowly is waited for, and one that stalls is not."""
        data = (text + (self.prompt if self._seat.interactive else "\n")).encode("utf-8", "surrogateescape")
        for start in range(0, len(data), 65_536):
            writer.write(data[start : start + 65_536])
            await asyncio.wait_for(writer.drain(), _STALL)


def _buffered(reader: asyncio.StreamReader) -> bool:
    """Whether more of what was sent is here already."""
    return bool(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio tells it no other way
