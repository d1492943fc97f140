"""One control connection: requests and their answers, events, and descriptors beside them.

Owns the unix socket, the numbering of requests, their deadlines, and which descriptors belong to which frame. What
frames say is `tenbin.plan.wire`; what to ask when is the caller's.
"""

from __future__ import annotations

import array
import asyncio
import re
import socket
from collections import deque
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from tenbin.dataplane.codec import Decoder, encode
from tenbin.errors import DataplaneError, SnapshotRejectedError
from tenbin.plan import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.clock import Clock

A = TypeVar("A", bound=BaseModel)

MOST_DESCRIPTORS = 253
"""The kernel's SCM_MAX_FD."""

_CHUNK = 256 * 1024


class Channel:
    """A connected, non-blocking unix stream socket to a data plane; used from one event loop only."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._socket = sock
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._descriptors: deque[int] = deque()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0
        self._outgoing: deque[tuple[memoryview, list[int]]] = deque()
        self._closed: asyncio.Future[str] = self._loop.create_future()
        self.events: asyncio.Queue[wire.Event | None] = asyncio.Queue(1000)
        self._loop.add_reader(sock.fileno(), self._readable)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed.done()

    async def wait_closed(self) -> str:
        """Wait until the connection has ended; returns why."""
        return await asyncio.shield(self._closed)

    def next_id(self) -> int:
        """Return the number for the next request."""
        self._number += 1
        return self._number

    async def ask(self, request: _Request, answer: type[A], *, timeout: float, descriptors: Sequence[int] = ()) -> A:  # noqa: ASYNC109 - counted by our own clock
        """Send a request and wait for its answer.

        Raises `SnapshotRejectedError` with what the data plane refuses, `DataplaneError` for all else.
        """
        if self.closed:
            raise DataplaneError(f"the data plane is gone: {self._closed.result()}")
        if len(descriptors) > MOST_DESCRIPTORS:
            raise DataplaneError(f"{len(descriptors)} descriptors in one message; at most {MOST_DESCRIPTORS}")
        reply = self._loop.create_future()
        self._waiting[request.id] = reply
        late = self._loop.create_task(self._clock.sleep(timeout))
        try:
            self._send(encode(request.model_dump_json().encode()), list(descriptors))
            await asyncio.wait((reply, late), return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                raise DataplaneError(f"the data plane did not answer {request.type} within {timeout:g} s")
            return _understood(reply.result(), answer)
        finally:
            late.cancel()
            del self._waiting[request.id]

    def take_descriptors(self, count: int) -> list[int]:
        """Return the next `count` descriptors that came with frames; the caller owns them."""
        if len(self._descriptors) < count:
            raise DataplaneError(f"{count} descriptors were announced, {len(self._descriptors)} came")
        return [self._descriptors.popleft() for _ in range(count)]

    def close(self, reason: str = "closed by the control plane") -> None:
        """End the connection; whoever waits for an answer is told so."""
        if self._closed.done():
            return
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        self._closed.set_result(reason)
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(DataplaneError(f"the data plane is gone: {reason}"))
        for descriptor in self._descriptors:
            socket.close(descriptor)
        self._descriptors.clear()
        self._say(None)

    def _send(self, frame: bytes, descriptors: list[int]) -> None:
        self._outgoing.append((memoryview(frame), descriptors))
        if len(self._outgoing) == 1:
            self._writable()

    def _writable(self) -> None:
        """Write what the socket takes. Descriptors go with the first byte of their frame, so never twice."""
        while self._outgoing:
            view, descriptors = self._outgoing[0]
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            try:
                sent = self._socket.sendmsg([view[:_CHUNK]], ancillary)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._socket.fileno(), self._writable)
                return
            except OSError as error:
                self.close(f"writing failed: {error.strerror}")
                return
            if sent == len(view):
                self._outgoing.popleft()
            else:
                self._outgoing[0] = (view[sent:], [])
        self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        size = array.array("i").itemsize
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(
                _CHUNK, socket.CMSG_LEN(MOST_DESCRIPTORS * size), socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close(f"reading failed: {error.strerror}")
            return
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._descriptors.extend(array.array("i", payload[: len(payload) - len(payload) % size]))
        if not data:
            self.close("it closed the control connection")
        elif flags & socket.MSG_CTRUNC:
            self.close("descriptors were lost on the way")
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            for body in self._decoder.feed(data):
                self._frame(body)
        except (DataplaneError, ValidationError) as error:
            self.close(f"it sent nonsense: {error}")

    def _frame(self, body: bytes) -> None:
        number, _ = _head(body)
        if number is None:
            self._say(_events().validate_json(body))
            return
        reply = self._waiting.get(number)
        if reply is not None and not reply.done():
            reply.set_result(body)

    def _say(self, event: wire.Event | None) -> None:
        """Queue an event; when nobody takes them, the oldest give way."""
        if self.events.full():
            self.events.get_nowait()
        self.events.put_nowait(event)


def _understood(body: bytes, answer: type[A]) -> A:
    try:
        if _head(body)[1]:
            return answer.model_validate_json(body)
        fault = wire.Refused.model_validate_json(body).error
    except ValidationError as error:
        raise DataplaneError(f"the data plane's answer is not understood: {error}") from error
    raise SnapshotRejectedError(fault.path, fault.reason)


def _head(body: bytes) -> tuple[int | None, bool]:
    """The number of the request that a frame answers (None: an event), and whether it was carried out.

    Statistics have megabytes, so a frame that begins as they do is not parsed for these two alone.
    """
    quick = _QUICK.match(body)
    if quick is not None:
        return int(quick[1]), quick[2] == b"true"
    head = _Head.model_validate_json(body)
    return head.id, head.ok


_QUICK = re.compile(rb'\{"id":(\d{1,18}),"ok":(true|false)[,}]')


class _Head(BaseModel):
    """What tells an answer from an event; the rest is read by who waits for it."""

    id: int | None = None
    ok: bool = False


@cache
def _events() -> TypeAdapter[wire.Event]:
    return TypeAdapter(wire.Event)


_Request = (
    wire.Hello
    | wire.SetSockets
    | wire.GetSockets
    | wire.Apply
    | wire.Patch
    | wire.TableAsked
    | wire.GetStats
    | wire.Restore
    | wire.ClearCounters
    | wire.AskSessions
    | wire.AskList
    | wire.AskVariable
    | wire.GetRefused
    | wire.Drain
    | wire.Stop
)
