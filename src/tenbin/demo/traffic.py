"""The demo's requests: a steady stream on kept connections, counted by the server that answered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from tenbin.clock import Clock

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_SERVER = re.compile(rb"\r\nx-container-id: *([^\r]*)\r\n", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)\r\n", re.IGNORECASE)
_TIMEOUT = 5.0


class AnswerError(Exception):
    """No whole answer came."""


class Connection:
    """A kept connection to one port of loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, trusting: ssl.SSLContext | None = None) -> Connection:
        """Connect, over TLS with one who trusts the other side; raises AnswerError."""
        name = "localhost" if trusting else None
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=trusting, server_hostname=name))
        except OSError as error:
            raise AnswerError(str(error)) from error

    @property
    def usable(self) -> bool:
        """Whether the other side has not closed it."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def get(self, path: str) -> tuple[int, bytes, str]:
        """Send a GET and return status, body and the answering server; raises AnswerError."""
        head, body = await self.ask(path)
        server = _SERVER.search(head)
        return int(head[9:12]), body, server[1].decode("latin-1") if server else ""

    async def ask(self, path: str) -> tuple[bytes, bytes]:
        """Send a GET and return head and body of the answer; raises AnswerError."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tenbin-demo\r\n\r\n".encode())
        try:
            async with asyncio.timeout(_TIMEOUT):
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await self._reader.readexactly(int(length[1])) if length else await self._chunks()
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            raise AnswerError(type(error).__name__) from error
        return head, body

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return b"".join(parts)

    def close(self) -> None:
        """Close without waiting."""
        self._writer.close()


async def get(port: int, path: str) -> tuple[int, bytes, str]:
    """Send one GET on a connection of its own."""
    connection = await Connection.open(port)
    try:
        return await connection.get(path)
    finally:
        connection.close()


async def redirected(port: int, path: str) -> str:
    """Send one GET and return where its answer sends the client; "" for nowhere."""
    connection = await Connection.open(port)
    try:
        head, _ = await connection.ask(path)
    finally:
        connection.close()
    location = _LOCATION.search(head)
    return location[1].decode("latin-1") if location and head[9:10] == b"3" else ""


class Traffic:
    """Requests at a steady rate while the context is entered; each is either answered by a server or has failed."""

    def __init__(self, port: int, rate: int, clock: Clock, trusting: ssl.SSLContext | None = None) -> None:
        self.failed = 0
        self._port = port
        self._trusting = trusting
        self._rate = rate
        self._clock = clock
        self._answered: Counter[str] = Counter()
        self._first = ""
        self._idle: list[Connection] = []
        self._ended = asyncio.Condition()
        self._driver: asyncio.Task[None] | None = None

    def counts(self) -> Counter[str]:
        """Return how many requests each server has answered well so far."""
        return self._answered.copy()

    def first_failure(self) -> str:
        """Return how the first failure looked, for a person; "" without one."""
        return f", first: {self._first}" if self._first else ""

    async def ask(self) -> str:
        """Send one request and return the server that answered; "" when it failed."""
        try:
            while self._idle and not self._idle[-1].usable:
                self._idle.pop().close()
            connection = self._idle.pop() if self._idle else await Connection.open(self._port, self._trusting)
            status, _, server = await connection.get("/api/whoami")
            self._idle.append(connection)
        except AnswerError as error:
            status, server = 0, ""
            self._first = self._first or str(error)
        if status == 200:
            self._answered[server] += 1
        else:
            self.failed += 1
            self._first = self._first or f"status {status}"
        async with self._ended:
            self._ended.notify_all()
        return server

    async def some(self, count: int) -> None:
        """Wait until so many more requests have ended."""
        goal = self._total() + count
        async with self._ended:
            await self._ended.wait_for(lambda: self._total() >= goal)

    def _total(self) -> int:
        return self._answered.total() + self.failed

    async def _drive(self) -> None:
        begin = self._clock.now()
        async with asyncio.TaskGroup() as group:
            number = 0
            while True:
                await self._clock.sleep(begin + number / self._rate - self._clock.now())
                group.create_task(self.ask())
                number += 1

    async def __aenter__(self) -> Self:
        self._driver = asyncio.create_task(self._drive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.wait({self._driver})
        for connection in self._idle:
            connection.close()
        self._idle.clear()
