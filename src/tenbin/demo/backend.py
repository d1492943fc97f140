"""`tenbin backend`: the demo application as a process.

Owns connections (keep-alive, pipelining, backpressure, WebSocket), signals and the graceful end; the grammar is
`tenbin.demo.http`, the endpoints are `tenbin.demo.app`.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
import sys
from typing import TYPE_CHECKING, cast

from tenbin.clock import SystemClock
from tenbin.demo.app import App
from tenbin.demo.http import CONTINUE, LAST_CHUNK, Answer, Request, RequestError, RequestReader, head_bytes
from tenbin.demo.websocket import Echo

if TYPE_CHECKING:
    from collections.abc import Awaitable

GRACE = 30.0
"""Seconds that work in progress may take to end after SIGTERM."""

_HIGH_WATER = 256 * 1024


def main(name: str, port: int, host: str = "127.0.0.1") -> int:
    """Serve until a signal; return 0, or 1 when the port is taken.

    SIGTERM refuses new work and lets the old end, `GRACE` seconds at most; SIGINT ends at once.
    """
    # A shell that starts it with `&` has it ignore SIGINT; whoever sends that all the same means it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return asyncio.run(_serve(name, host, port))
    except OSError as error:
        print(f"[{name}] cannot listen on {host}:{port}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0


class Backend:
    """A running demo server: its app, its connections, and how it ends."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.connections: set[Connection] = set()
        self.busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def began(self) -> None:
        """Count a request in progress."""
        self.busy += 1
        self._idle.clear()

    def ended(self) -> None:
        """Count it off."""
        self.busy -= 1
        if self.busy == 0:
            self._idle.set()

    async def drain(self, grace: float) -> bool:
        """Refuse new work; return whether the old ended within `grace` seconds."""
        self.app.shutting_down = True
        for connection in tuple(self.connections):
            connection.going_away()
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Close what is open and wait until what was written has left."""
        for connection in tuple(self.connections):
            connection.close()
        try:
            async with asyncio.timeout(1):
                while self.connections:
                    await asyncio.wait({connection.gone for connection in self.connections})
        except TimeoutError:
            return


class Connection(asyncio.Protocol):
    """One client connection: requests are answered one after the other, in order."""

    def __init__(self, backend: Backend) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._backend = backend
        self._reader = RequestReader()
        self._task: asyncio.Task[None] | None = None
        self._echo: Echo | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._ended = False
        self._common = f"X-Container-Id: {backend.app.name}\r\n".encode("latin-1")
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._backend.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop whatever is in progress for a client that is gone."""
        del exc
        self._backend.connections.discard(self)
        self._writable.set()
        if self._task is not None:
            self._task.cancel()
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take bytes; parse them unless an answer is still being made."""
        if self._echo is not None:
            self._send_echo(self._echo.feed(data))
            return
        self._reader.feed(data)
        if self._task is None:
            self._advance()
        elif self._reader.pending > _HIGH_WATER:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Keep the other direction open: a client that has finished asking still gets its answers."""
        self._ended = True
        return self._task is not None

    def pause_writing(self) -> None:
        """Hold streams back: the client reads slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let streams go on."""
        self._writable.set()

    def going_away(self) -> None:
        """Say goodbye on a WebSocket; requests end by themselves."""
        if self._echo is not None and not self._echo.closed:
            self._send_echo(self._echo.goodbye())

    def close(self) -> None:
        """Close after what was written has left."""
        self._transport.close()

    def _advance(self) -> None:
        try:
            while self._task is None and self._echo is None and not self._transport.is_closing():
                request = self._reader.next_request()
                if request is None:
                    if self._reader.wants_continue():
                        self._transport.write(CONTINUE)
                    return
                self._begin(request)
        except RequestError as error:
            self._refuse(error, None)

    def _begin(self, request: Request) -> None:
        try:
            result = self._backend.app.handle(request)
        except RequestError as error:
            self._refuse(error, request)
            return
        if inspect.isawaitable(result) or result.stream is not None:
            self._backend.began()
            self._task = asyncio.ensure_future(self._work(request, result))
            self._task.add_done_callback(self._worked)
        else:
            self._finish(request, result)

    async def _work(self, request: Request, result: Answer | Awaitable[Answer]) -> None:
        try:
            answer = await result if inspect.isawaitable(result) else result
        except RequestError as error:
            self._refuse(error, request)
            return
        if answer.stream is None:
            self._finish(request, answer)
            return
        self._transport.write(head_bytes(self._closing(answer), request, self._common))
        if request.method != "HEAD":
            await self._send_stream(answer, chunked=answer.length is None and request.minor == 1)
        if not request.keep_alive or self._backend.app.shutting_down or (answer.length is None and not request.minor):
            self._transport.close()

    async def _send_stream(self, answer: Answer, *, chunked: bool) -> None:
        assert answer.stream is not None  # noqa: S101 - the caller looked
        async for block in answer.stream:
            if self._transport.is_closing():
                return
            if chunked and block:
                self._transport.writelines((b"%x\r\n" % len(block), block, b"\r\n"))
            else:
                self._transport.write(block)
            await self._writable.wait()
        if chunked:
            self._transport.write(LAST_CHUNK)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._backend.ended()
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            self._transport.abort()
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._advance()
        if self._ended and self._task is None:
            self._transport.close()

    def _closing(self, answer: Answer) -> Answer:
        if not self._backend.app.shutting_down:
            return answer
        return Answer(answer.status, answer.headers, answer.body, answer.stream, answer.length, close=True)

    def _finish(self, request: Request, answer: Answer) -> None:
        answer = self._closing(answer)
        head = head_bytes(answer, request, self._common)
        self._transport.write(head if request.method == "HEAD" else head + answer.body)
        if answer.status == 101:
            self._echo = Echo()
            self._send_echo(self._echo.feed(self._reader.take_rest()))
        elif answer.close or not request.keep_alive:
            self._transport.close()

    def _refuse(self, error: RequestError, request: Request | None) -> None:
        answer = Answer(error.status, (("Content-Type", "text/plain"),), f"{error.reason}\n".encode(), close=True)
        self._transport.write(head_bytes(answer, request, self._common) + answer.body)
        self._transport.close()

    def _send_echo(self, data: bytes) -> None:
        self._transport.write(data)
        if self._echo is not None and self._echo.closed:
            self._transport.close()


async def _serve(name: str, host: str, port: int) -> int:
    loop = asyncio.get_running_loop()
    backend = Backend(App(name, SystemClock()))
    stop = asyncio.Event()
    server = await loop.create_server(lambda: Connection(backend), host, port, backlog=4096)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    _say(name, f"listening on {host}:{server.sockets[0].getsockname()[1]}")
    await stop.wait()
    server.close()
    _say(name, f"SIGTERM: refusing new requests, {backend.busy} in progress")
    ended = await backend.drain(GRACE)
    _say(name, "all requests ended" if ended else f"{backend.busy} requests cut after {GRACE:.0f} s")
    await backend.close()
    return 0


def _say(name: str, text: str) -> None:
    print(f"[{name}] {text}", flush=True)  # noqa: T201
