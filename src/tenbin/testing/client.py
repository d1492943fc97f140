"""A byte-exact HTTP/1.1 client on raw sockets, for tests that care what is on the wire.

It sends what it is told, reads answers strictly (an answer that is framed wrongly is an error, not a guess), and
tells apart how an exchange failed: a connection that was closed before anything was written is the client's to
notice and no failure of the server; one that closes after the request was written is.
"""

from __future__ import annotations

import asyncio
import json
import re
import select
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

Address = tuple[str, int]
Headers = tuple[tuple[str, str], ...]

_READ = 256 * 1024


class Failure(StrEnum):
    """How an exchange failed."""

    CONNECT = "connect"
    CLOSED_BEFORE = "closed-before"
    CLOSED_AFTER = "closed-after"
    RESET = "reset"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    ANOTHER = "another"
    TIMEOUT = "timeout"


class ExchangeError(Exception):
    """The exchange did not end with a whole answer; `partial` are the bytes of it that came."""

    def __init__(self, failure: Failure, text: str, partial: bytes = b"") -> None:
        super().__init__(f"{failure}: {text}")
        self.failure = failure
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer; header names in lower case. `interim` are the 1xx answers before it."""

    status: int
    reason: str
    minor: int
    headers: Headers
    body: bytes
    trailers: Headers = ()
    interim: tuple[Response, ...] = ()
    delimited: str = "none"

    def header(self, name: str) -> str:
        """Return all values of a header joined by commas, "" when there is none."""
        return ", ".join(value for key, value in self.headers if key == name.lower())

    def all(self, name: str) -> list[str]:
        """Return the values of a header, one an occurrence."""
        return [value for key, value in self.headers if key == name.lower()]

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def server(self) -> str:
        """The demo server that answered."""
        return self.header("x-container-id")

    @property
    def keep_alive(self) -> bool:
        """Whether the connection can carry another request."""
        options = {token.strip().lower() for token in self.header("connection").split(",")}
        if self.delimited == "close" or "close" in options:
            return False
        return self.minor == 1 or "keep-alive" in options


def request_bytes(
    method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
) -> bytes:
    """Return a request; Host and Content-Length are added when they are missing."""
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append("Host: localhost")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(*chunks: bytes, trailers: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a chunked body."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    fields = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode("latin-1")
    return b"".join(parts) + b"0\r\n" + fields + b"\r\n"


class ResponseReader:
    """Bytes in, answers out; strict. `method` of the request decides whether an answer has a body."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.eof = False
        self._interim: list[Response] = []

    def feed(self, data: bytes) -> None:
        """Take bytes; b"" is the end of the stream."""
        self.buffer += data
        self.eof = self.eof or not data

    @property
    def begun(self) -> bool:
        """Whether a byte of the next answer has come."""
        return bool(self.buffer or self._interim)

    def next_response(self, method: str = "GET") -> Response | None:
        """Return the next final answer, None when bytes are missing."""
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return self._missing("the stream ended in a head") if self.begun else None
            head = _parse_head(bytes(self.buffer[:end]))
            if head.status >= 200 or head.status == 101:
                return self._with_body(head, end + 4, method)
            self._interim.append(head)
            del self.buffer[: end + 4]

    def _with_body(self, head: Response, start: int, method: str) -> Response | None:
        codings = [value.lower() for value in head.all("transfer-encoding")]
        lengths = head.all("content-length")
        if len(set(lengths)) > 1 or (codings and lengths) or (codings and codings != ["chunked"]):
            raise ExchangeError(Failure.MALFORMED, f"framing {head.headers}", bytes(self.buffer))
        if method == "HEAD" or head.status in (101, 204, 304):
            return self._done(head, start, b"", "none")
        if codings:
            return self._chunked(head, start)
        if lengths:
            if re.fullmatch("[0-9]+", lengths[0]) is None:
                raise ExchangeError(Failure.MALFORMED, f"Content-Length {lengths[0]!r}", bytes(self.buffer))
            stop = start + int(lengths[0])
            if len(self.buffer) < stop:
                return self._missing(f"{len(self.buffer) - start} of {lengths[0]} body bytes")
            return self._done(head, stop, bytes(self.buffer[start:stop]), "length")
        if not self.eof:
            return None
        return self._done(head, len(self.buffer), bytes(self.buffer[start:]), "close")

    def _chunked(self, head: Response, start: int) -> Response | None:
        body, at = bytearray(), start
        while True:
            line = self.buffer.find(b"\r\n", at)
            if line < 0:
                return self._missing("the stream ended before a chunk")
            match = re.fullmatch(rb"[0-9A-Fa-f]{1,15}", self.buffer[at:line])
            if match is None:
                raise ExchangeError(
                    Failure.MALFORMED, f"chunk size {bytes(self.buffer[at:line])!r}", bytes(self.buffer)
                )
            size = int(match[0], 16)
            if size == 0:
                stop = self.buffer.find(b"\r\n\r\n", line)
                if stop < 0:
                    return self._missing("the stream ended in the trailers")
                trailers = _parse_fields(bytes(self.buffer[line + 2 : stop]))
                return self._done(head, stop + 4, bytes(body), "chunked", trailers)
            if len(self.buffer) < line + 4 + size:
                return self._missing("the stream ended in a chunk")
            if self.buffer[line + 2 + size : line + 4 + size] != b"\r\n":
                raise ExchangeError(Failure.MALFORMED, "chunk longer than its size", bytes(self.buffer))
            body += self.buffer[line + 2 : line + 2 + size]
            at = line + 4 + size

    def _done(self, head: Response, stop: int, body: bytes, how: str, trailers: Headers = ()) -> Response:
        interim, self._interim = tuple(self._interim), []
        del self.buffer[:stop]
        return Response(head.status, head.reason, head.minor, head.headers, body, trailers, interim, how)

    def _missing(self, text: str) -> Response | None:
        """Wait for more, unless the stream has ended."""
        if not self.eof:
            return None
        raise ExchangeError(Failure.TRUNCATED, text, bytes(self.buffer))


class Client:
    """One connection, to an address or a unix socket.

    `timeout` seconds bound every step; `source` is the local address to connect from.
    """

    def __init__(
        self, address: Address | Path, timeout: float = 10.0, source: str = "", receive_buffer: int = 0
    ) -> None:
        self.address = address
        self.reader = ResponseReader()
        try:
            self.socket = socket.socket(_family(address))
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.settimeout(timeout)
            if source:
                self.socket.bind((source, 0))
            self.socket.connect(str(address) if isinstance(address, Path) else address)
        except OSError as error:
            self.socket.close()
            raise ExchangeError(Failure.CONNECT, str(error)) from error
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def readable(self) -> bool:
        """Whether something is there to be read: bytes, or the end."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))

    def peer_closed(self) -> bool:
        """Whether the other side has closed already, without waiting."""
        if not self.readable():
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        if not self.reader.buffer and self.peer_closed():
            raise ExchangeError(Failure.CLOSED_BEFORE, "the peer had closed before the request was written")
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ExchangeError(Failure.RESET, str(error)) from error

    def send_bytewise(self, data: bytes) -> None:
        """Write one byte a segment; stop when the peer has closed."""
        for i in range(len(data)):
            try:
                self.socket.sendall(data[i : i + 1])
            except OSError:
                return

    def half_close(self) -> None:
        """Send FIN and keep reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def receive(self) -> bytes:
        """Return what comes next, b"" at the end."""
        try:
            return self.socket.recv(_READ)
        except TimeoutError as error:
            raise ExchangeError(Failure.TIMEOUT, "nothing came in time", bytes(self.reader.buffer)) from error
        except OSError as error:
            raise ExchangeError(Failure.RESET, str(error), bytes(self.reader.buffer)) from error

    def read_response(self, method: str = "GET") -> Response:
        """Return the next answer."""
        while True:
            response = self.reader.next_response(method)
            if response is not None:
                return response
            if self.reader.eof:
                raise ExchangeError(Failure.CLOSED_AFTER, "closed without an answer")
            self.reader.feed(self.receive())

    def read_interim(self) -> Response:
        """Return the next 1xx answer, which must come before a final one."""
        while b"\r\n\r\n" not in self.reader.buffer:
            data = self.receive()
            if not data:
                raise ExchangeError(Failure.CLOSED_AFTER, "closed without an interim answer")
            self.reader.feed(data)
        end = self.reader.buffer.find(b"\r\n\r\n")
        head = _parse_head(bytes(self.reader.buffer[:end]))
        if head.status >= 200:
            raise ExchangeError(Failure.MALFORMED, f"a final answer {head.status} came first")
        del self.reader.buffer[: end + 4]
        return head

    def request(
        self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> Response:
        """Send one request and return its answer."""
        if not any(name.lower() == "host" for name, _ in headers):
            headers = (("Host", _host(self.address)), *headers)
        self.send(request_bytes(method, target, headers, body))
        return self.read_response(method)

    def get(self, target: str, *headers: tuple[str, str]) -> Response:
        """Send a GET and return its answer."""
        return self.request("GET", target, headers)

    def read_to_end(self) -> bytes:
        """Return all bytes up to the peer's FIN; a reset raises."""
        parts = [bytes(self.reader.buffer)]
        self.reader.buffer.clear()
        while data := self.receive():
            parts.append(data)
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def reset(self) -> None:
        """Close with RST: unlike after a FIN, the other side can know that nobody waits for an answer."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fetch(
    address: Address | Path, target: str, *headers: tuple[str, str], method: str = "GET", body: bytes | None = None
) -> Response:
    """Send one request on a connection of its own, with Connection: close, and return the answer."""
    with Client(address) as client:
        return client.request(method, target, (*headers, ("Connection", "close")), body)


def _host(address: Address | Path) -> str:
    if isinstance(address, Path):
        return "localhost"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _family(address: Address | Path) -> socket.AddressFamily:
    if isinstance(address, Path):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


class AsyncClient:
    """The same for coroutines: one connection, opened by `open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.responses = ResponseReader()

    @classmethod
    async def open(cls, address: Address, tls: ssl.SSLContext | None = None) -> AsyncClient:
        """Connect, over TLS with the name localhost when there is a context."""
        name = "localhost" if tls else None
        try:
            return cls(*await asyncio.open_connection(*address, limit=_READ, ssl=tls, server_hostname=name))
        except OSError as error:
            raise ExchangeError(Failure.CONNECT, str(error)) from error

    def peer_closed(self) -> bool:
        """Whether the other side has closed, also when the event loop has not looked yet."""
        if self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing():
            return True
        poll = select.poll()
        poll.register(self._writer.get_extra_info("socket"), select.POLLRDHUP)
        return bool(poll.poll(0))

    async def exchange(self, data: bytes, method: str = "GET") -> Response:
        """Write a request's bytes and return its answer."""
        if self.peer_closed():
            raise ExchangeError(Failure.CLOSED_BEFORE, "the peer had closed before the request was written")
        try:
            self._writer.write(data)
            return await self.read_response(method)
        except OSError as error:
            raise ExchangeError(Failure.RESET, str(error), bytes(self.responses.buffer)) from error

    async def read_response(self, method: str = "GET") -> Response:
        """Return the next answer."""
        while True:
            response = self.responses.next_response(method)
            if response is not None:
                return response
            if self.responses.eof:
                raise ExchangeError(Failure.CLOSED_AFTER, "closed without an answer")
            self.responses.feed(await self._reader.read(_READ))

    def close(self) -> None:
        """Close without waiting."""
        self._writer.close()


_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")


def _parse_head(raw: bytes) -> Response:
    first, _, rest = raw.partition(b"\r\n")
    line = _STATUS_LINE.fullmatch(first)
    if line is None:
        raise ExchangeError(Failure.MALFORMED, f"status line {first[:100]!r}", raw)
    return Response(int(line[2]), line[3].decode("latin-1"), int(line[1]), _parse_fields(rest), b"")


def _parse_fields(raw: bytes) -> Headers:
    fields = []
    for text in raw.split(b"\r\n") if raw else ():
        match = _FIELD.fullmatch(text)
        if match is None:
            raise ExchangeError(Failure.MALFORMED, f"header line {text[:100]!r}", raw)
        fields.append((match[1].decode().lower(), match[2].decode("latin-1")))
    return tuple(fields)
