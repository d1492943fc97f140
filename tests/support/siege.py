"""Everything at once against an admin API, from a process of its own: `python -m support.siege PORT TOKEN SECONDS`.

Slow clients, a flood of requests, bodies that are too large and wrong tokens; prints as JSON how each was answered.
The slow ones and the guesses come from an address of their own, as they would from another machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import suppress

from tenbin.clock import SystemClock

HOST = "127.0.0.1"
GUESSER = "127.0.0.2"
SLOW_CLIENTS = 100
FLOOD = 500
CONNECTIONS = 16
BODY = 10_000_000
STEP = 0.02
DEADLINE = 20.0


class Siege:
    """One attack on a port, until `seconds` are over."""

    def __init__(self, port: int, token: str, seconds: float) -> None:
        self._port = port
        self._token = token
        self._clock = SystemClock()
        self._seconds = seconds
        self.answers: dict[str, Counter[str]] = {name: Counter() for name in ("slow", "flood", "body", "guess")}

    async def run(self) -> None:
        """Attack in every way at once."""
        due: asyncio.Queue[None] = asyncio.Queue(FLOOD)
        ways = [self._slow() for _ in range(SLOW_CLIENTS)]
        ways += [self._flood(due) for _ in range(CONNECTIONS)]
        ways += [self._pace(due), self._bodies(), self._bodies(), self._guesses()]
        tasks = [asyncio.ensure_future(way) for way in ways]
        await asyncio.wait(tasks, timeout=self._seconds)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        wrong = [end for end in ends if not isinstance(end, asyncio.CancelledError)]
        if wrong:
            raise RuntimeError(f"an attack ended by itself: {wrong[0]!r}")

    async def _slow(self) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await self._open(GUESSER)
                self.answers["slow"]["opened"] += 1
                for byte in b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 10_000:
                    if reader.at_eof():
                        break
                    writer.write(bytes((byte,)))
                    await writer.drain()
                    await self._clock.sleep(0.2)
                writer.transport.abort()
            await self._clock.sleep(0.2)

    async def _pace(self, due: asyncio.Queue[None]) -> None:
        begun, sent = self._clock.now(), 0
        while True:
            wanted = int((self._clock.now() - begun) * FLOOD)
            for _ in range(wanted - sent):
                if not due.full():
                    due.put_nowait(None)
            sent = wanted
            await self._clock.sleep(STEP)

    async def _flood(self, due: asyncio.Queue[None]) -> None:
        request = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
        while True:
            try:
                reader, writer = await self._open(HOST)
                while True:
                    await due.get()
                    writer.write(request)
                    self._count("flood", await self._answer(reader))
            except (OSError, EOFError, TimeoutError) as error:
                self._count("flood", type(error).__name__)
                await self._clock.sleep(STEP)

    async def _bodies(self) -> None:
        head = f"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {BODY}\r\n\r\n"
        chunk = b" " * 65_536
        while True:
            try:
                reader, writer = await self._open(HOST)
                writer.write(head.encode())
                for _ in range(BODY // len(chunk)):
                    writer.write(chunk)
                    async with asyncio.timeout(DEADLINE):
                        await writer.drain()
                self._count("body", await self._answer(reader))
                writer.transport.abort()
            except (OSError, EOFError, TimeoutError) as error:
                self._count("body", type(error).__name__)
            await self._clock.sleep(0.5)

    async def _guesses(self) -> None:
        number = 0
        while True:
            number += 1
            head = f"POST /api/v1/stop HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer guess-{number:012}\r\n"
            head += "Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
            try:
                reader, writer = await self._open(GUESSER)
                writer.write(head.encode())
                self._count("guess", await self._answer(reader))
                writer.close()
            except (OSError, EOFError, TimeoutError) as error:
                self._count("guess", type(error).__name__)
            await self._clock.sleep(0.1)

    async def _open(self, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self._port, local_addr=(source, 0))

    async def _answer(self, reader: asyncio.StreamReader) -> str:
        async with asyncio.timeout(DEADLINE):
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            await reader.readexactly(int(fields.get(b"content-length", b"0")))
        status = head.split()[1].decode()
        return f"{status} with Retry-After" if b"retry-after" in fields else status

    def _count(self, kind: str, what: str) -> None:
        self.answers[kind][what] += 1


async def _main(port: int, token: str, seconds: float) -> None:
    siege = Siege(port, token, seconds)
    await siege.run()
    sys.stdout.write(json.dumps(siege.answers) + "\n")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
