"""A client of HTTP/2, and others that keep asking: with TLS or without, until a test tells them to stop.

The frames are those of the `h2` library, which knows nothing of ours. A stream that GOAWAY says was not looked at is
asked for again on another connection, as RFC 9113, 6.8 has it; any other that does not get its answer has failed.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from support.frames import GOAWAY, FrameReader, frame

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from h2.events import Event

    from support.frames import Frame
    from tenbin.testing.client import Address

    Pairs = Sequence[tuple[str, str]]


class UnlookedError(Exception):
    """The server has said GOAWAY, and not looked at the stream."""


@dataclass(slots=True)
class Stream:
    """What has come on one stream."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None
    unlooked: bool = False

    @property
    def status(self) -> int:
        """The final status, 0 before it came."""
        return int(dict(self.headers).get(":status", 0))

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return self.ended or self.reset is not None or self.unlooked


class Multiplexed:
    """One connection, for use by one thread; `scheme` follows from whether there is a TLS context.

    `first` is sent before everything else.
    """

    def __init__(
        self, address: Address, tls: ssl.SSLContext | None = None, deadline: float = 10.0, first: bytes = b""
    ) -> None:
        self.streams: dict[int, Stream] = {}
        self.goaway: int | None = None
        """The last stream that the server looks at, once it has said GOAWAY."""
        self._scheme = "https" if tls else "http"
        self._socket: socket.socket = socket.create_connection(address, deadline)
        self._socket.sendall(first)
        if tls is not None:
            self._socket = secure = tls.wrap_socket(self._socket, server_hostname="localhost")
            assert secure.selected_alpn_protocol() == "h2", secure.selected_alpn_protocol()
        self.name: Address = self._socket.getsockname()
        """Its own address."""
        self._frames = FrameReader()
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self._flush()

    def ask(self, path: str, *more: tuple[str, str], method: str = "GET", body: bytes | None = None) -> int:
        """Begin a request and return the number of its stream; `body` None: no body follows."""
        number = self.begin(path, *more, method=method, end=body is None)
        if body is not None:
            self.send(number, body, end=True)
        return number

    def begin(self, path: str, *more: tuple[str, str], method: str = "POST", end: bool = False) -> int:
        """Begin a request, whose body is sent with `send`, and return the number of its stream."""
        number = self.h2.get_next_available_stream_id()
        self.streams[number] = Stream()
        names = (":method", ":scheme", ":authority", ":path")
        head = zip(names, (method, self._scheme, "localhost", path), strict=True)
        self.h2.send_headers(number, [*head, *more], end_stream=end)
        self._flush()
        return number

    def reset(self, number: int) -> None:
        """Give a stream up."""
        self.h2.reset_stream(number, ErrorCodes.CANCEL)
        self._flush()

    def send(self, number: int, body: bytes, *, end: bool = False) -> None:
        """Send a part of a body, as fast as the server takes it."""
        while len(body) > (room := min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)):
            self.h2.send_data(number, body[:room])
            body = body[room:]
            self._flush()
            if room == 0:
                self.step()
        self.h2.send_data(number, body, end_stream=end)
        self._flush()

    def wait(self, number: int) -> Stream:
        """Return a stream that is over."""
        return self.wait_for(number, lambda stream: stream.over)

    def wait_for(self, number: int, condition: Callable[[Stream], object]) -> Stream:
        """Return a stream once a condition holds for it."""
        stream = self.streams[number]
        while not condition(stream):
            self.step()
        return stream

    def get(self, path: str, *more: tuple[str, str]) -> Stream:
        """Ask, and wait for the answer; `UnlookedError` where the server went away first."""
        stream = self.wait(self.ask(path, *more))
        if stream.unlooked:
            raise UnlookedError
        assert stream.ended, f"stream reset with {stream.reset}"
        return stream

    def step(self) -> None:
        """Take what comes next."""
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("the server has closed")
        for one in self._frames.feed(data):
            if one.kind == GOAWAY:
                self._go_away(one)
            else:
                for event in self.h2.receive_data(frame(one.kind, one.payload, one.flags, one.stream)):
                    self._take(event)
        self._flush()

    def wait_closed(self) -> None:
        """Take what comes until the server has closed."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                self.step()

    def _go_away(self, told: Frame) -> None:
        """Remember what it says; the library would take nothing more, though answers still come."""
        self.goaway = int.from_bytes(told.payload[:4], "big") & 0x7FFF_FFFF
        assert told.error == 0, f"GOAWAY {told.error}"
        for number, stream in self.streams.items():
            stream.unlooked |= number > self.goaway and not stream.over

    def _take(self, event: Event) -> None:
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0, Stream())
        if isinstance(event, ResponseReceived):
            stream.headers = _pairs(event.headers)
        elif isinstance(event, InformationalResponseReceived):
            stream.interim.append(int(dict(_pairs(event.headers))[":status"]))
        elif isinstance(event, TrailersReceived):
            stream.trailers = _pairs(event.headers)
        elif isinstance(event, DataReceived):
            stream.body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            stream.ended = True
        elif isinstance(event, StreamReset):
            stream.reset = int(event.error_code)

    def _flush(self) -> None:
        self._socket.sendall(self.h2.data_to_send())

    def close(self) -> None:
        """Close without a word."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Asking:
    """A client in a thread that asks again and again; a new connection only when the old one has been ended well."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None, *, framed: bool) -> None:
        self.answered = 0
        self.connections = 0
        self.errors: list[str] = []
        self._address, self._tls = address, tls
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._framed if framed else self._plain, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop it, and wait for its end."""
        self._stop.set()
        self._thread.join(10)

    def _framed(self) -> None:
        """Three requests at a time over HTTP/2."""
        while not self._stop.is_set():
            self.connections += 1
            try:
                with Multiplexed(self._address, self._tls) as client:
                    while client.goaway is None and not self._stop.wait(0.01):
                        numbers = [client.ask("/api/fast") for _ in range(3)]
                        self._count([client.wait(number) for number in numbers])
            except (OSError, ProtocolError, AssertionError) as error:
                self._failed(error)

    def _count(self, streams: Sequence[Stream]) -> None:
        for stream in streams:
            self.answered += stream.status == 200 and stream.ended
            if not stream.unlooked and not (stream.ended and stream.status == 200):
                self.errors.append(f"status {stream.status}, reset {stream.reset}")

    def _plain(self) -> None:
        """One request at a time over HTTP/1.1."""
        host, port = "localhost", self._address[1]
        while not self._stop.is_set():
            self.connections += 1
            client = (
                HTTPSConnection(host, port, context=self._tls, timeout=10) if self._tls else HTTPConnection(host, port)
            )
            try:
                while not self._stop.wait(0.01) and not _closed(client):
                    client.request("GET", "/api/fast")
                    answer = client.getresponse()
                    answer.read()
                    self.answered += answer.status == 200
                    if answer.status != 200:
                        self.errors.append(f"status {answer.status}")
                    if answer.will_close:
                        break
            except (OSError, HTTPException) as error:
                self._failed(error)
            finally:
                client.close()

    def _failed(self, error: Exception) -> None:
        if not self._stop.is_set():
            self.errors.append(repr(error))


def _closed(client: HTTPConnection) -> bool:
    """Whether the other side has closed, which is its right between two requests."""
    poll = select.poll()
    if client.sock is not None:
        poll.register(client.sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def _pairs(headers: object) -> list[tuple[str, str]]:
    assert isinstance(headers, list)
    return [(str(name), str(value)) for name, value in headers]
