"""A small strict HTTP/1.1 server side: bytes in, requests out, answers to bytes.

Owns the grammar that the demo application accepts (RFC 9112, nothing lenient) and the framing of what it sends.
Knows no sockets and no endpoints.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MAX_HEAD = 32 * 1024
MAX_BODY = 64 * 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

Headers = tuple[tuple[str, str], ...]


class RequestError(Exception):
    """The bytes are no request; `status` is what to answer before closing."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request; header names are in lower case, in the order of arrival."""

    method: str
    target: str
    minor: int
    headers: Headers
    body: bytes
    keep_alive: bool

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str:
        """Return all values of a header joined by commas, "" when there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def query(self) -> Mapping[str, str]:
        """Return the query's parameters; of repeated ones the last."""
        return {key: values[-1] for key, values in parse_qs(urlsplit(self.target).query).items()}

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number of the query, 0 to `most`; anything else is a 400."""
        text = self.query().get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > most:
            raise RequestError(400, f"{name} must be a number from 0 to {most}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its whole body, or with `stream` for a body made while it is sent.

    `length` is the size of the streamed body, None to send it in chunks.
    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = field(default=None, compare=False)
    length: int | None = None
    close: bool = False


def json_answer(value: object, status: int = 200, headers: Headers = ()) -> Answer:
    """Return an answer with a JSON body."""
    body = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    return Answer(status, (("Content-Type", "application/json"), *headers), body)


def head_bytes(answer: Answer, request: Request | None, common: bytes) -> bytes:
    """Return status line and headers, with the framing that this request's version allows.

    `common` are whole header lines that every answer carries.
    """
    keep = request is not None and request.keep_alive and not answer.close
    reason = HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {reason}\r\n".encode(), common]
    lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in answer.headers]
    if answer.status >= 200 and answer.status not in (204, 304):
        if answer.stream is None:
            lines.append(b"Content-Length: %d\r\n" % len(answer.body))
        elif answer.length is not None:
            lines.append(b"Content-Length: %d\r\n" % answer.length)
        elif request is not None and request.minor:
            lines.append(b"Transfer-Encoding: chunked\r\n")
    if not keep and answer.status != 101:
        lines.append(b"Connection: close\r\n")
    elif request is not None and request.minor == 0:
        lines.append(b"Connection: keep-alive\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


class RequestReader:
    """Collects bytes and yields requests one by one; what follows a request waits for its turn."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._body = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived."""
        self._buffer += data

    @property
    def pending(self) -> int:
        """How many bytes wait unparsed."""
        return len(self._buffer)

    @property
    def started(self) -> bool:
        """Whether a part of a request has arrived."""
        return bool(self._buffer) or self._head is not None

    def wants_continue(self) -> bool:
        """Whether the client waits for a 100 (Continue) before it sends the body; true at most once a request."""
        if self._head is None or not self._head.expects or self._buffer or self._body:
            return False
        self._head.expects = False
        return True

    def take_rest(self) -> bytes:
        """Return and forget all unparsed bytes (for a connection that changes its protocol)."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def next_request(self) -> Request | None:
        """Return the next whole request, None when bytes are missing; raise RequestError when it is none."""
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
        head = self._head
        if not (self._read_chunks() if head.chunked else self._read_sized(head.length)):
            return None
        request = Request(head.method, head.target, head.minor, head.headers, bytes(self._body), head.keep_alive)
        self._head = None
        self._body.clear()
        return request

    def _read_head(self) -> _Head | None:
        if self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise RequestError(431, f"the head is larger than {MAX_HEAD} bytes")
        if end < 0:
            return None
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return _parse_head(raw)

    def _read_sized(self, length: int) -> bool:
        missing = length - len(self._body)
        self._body += self._buffer[:missing]
        del self._buffer[:missing]
        return len(self._body) == length

    def _read_chunks(self) -> bool:
        while True:
            end = self._buffer.find(b"\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise RequestError(400, "the chunk's size line does not end")
                return False
            match = _CHUNK.fullmatch(self._buffer[:end])
            if match is None:
                raise RequestError(400, "the chunk's size is malformed")
            size = int(match[1], 16)
            if size == 0:
                return self._read_trailers(end)
            if len(self._body) + size > MAX_BODY:
                raise RequestError(413, f"the body is larger than {MAX_BODY} bytes")
            if len(self._buffer) < end + 2 + size + 2:
                return False
            if self._buffer[end + 2 + size : end + 4 + size] != b"\r\n":
                raise RequestError(400, "the chunk is longer than its size")
            self._body += self._buffer[end + 2 : end + 2 + size]
            del self._buffer[: end + 4 + size]

    def _read_trailers(self, end: int) -> bool:
        stop = self._buffer.find(b"\r\n\r\n", end)
        if stop < 0:
            if len(self._buffer) > MAX_HEAD:
                raise RequestError(431, "the trailers are too large")
            return False
        for line in bytes(self._buffer[end + 2 : stop]).split(b"\r\n"):
            if line and _FIELD.fullmatch(line) is None:
                raise RequestError(400, "a trailer is malformed")
        del self._buffer[: stop + 4]
        return True


@dataclass(slots=True)
class _Head:
    method: str
    target: str
    minor: int
    headers: Headers
    keep_alive: bool
    length: int
    chunked: bool
    expects: bool


_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21\x24-\x7e]+) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")


def _parse_head(raw: bytes) -> _Head:
    lines = raw.split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(lines[0])
    if line is None:
        raise RequestError(400, "the request line is malformed")
    headers: list[tuple[str, str]] = []
    for text in lines[1:]:
        match = _FIELD.fullmatch(text)
        if match is None:
            raise RequestError(400, "a header is malformed")
        headers.append((match[1].decode().lower(), match[2].decode("latin-1")))
    minor = int(line[3])
    length, chunked = _framing(headers, minor)
    options = {option.strip().lower() for name, value in headers if name == "connection" for option in value.split(",")}
    return _Head(
        method=line[1].decode(),
        target=line[2].decode(),
        minor=minor,
        headers=tuple(headers),
        keep_alive="close" not in options if minor else "keep-alive" in options,
        length=length,
        chunked=chunked,
        expects=minor == 1 and any(n == "expect" and v.lower() == "100-continue" for n, v in headers),
    )


def _framing(headers: list[tuple[str, str]], minor: int) -> tuple[int, bool]:
    hosts = sum(name == "host" for name, _ in headers)
    if hosts > 1 or (minor and not hosts):
        raise RequestError(400, "exactly one Host header is needed")
    lengths = [value for name, value in headers if name == "content-length"]
    codings = [value.lower() for name, value in headers if name == "transfer-encoding"]
    if codings and (lengths or not minor):
        raise RequestError(400, "Transfer-Encoding with Content-Length or in HTTP/1.0")
    if codings and codings != ["chunked"]:
        raise RequestError(501, "only the transfer coding chunked is known")
    if not lengths:
        return 0, bool(codings)
    if len(lengths) > 1 or re.fullmatch("[0-9]{1,15}", lengths[0]) is None:
        raise RequestError(400, "Content-Length is malformed or repeated")
    if int(lengths[0]) > MAX_BODY:
        raise RequestError(413, f"the body is larger than {MAX_BODY} bytes")
    return int(lengths[0]), False
