"""A strict reader of HTTP/2 (RFC 9113): which requests the bytes of a client's connection hold.

It gives the same messages as `conformance.strict`, so that what a server of HTTP/1 got can be held against them. Owns:
what a connection says, stream by stream, and why it says no more. Whitespace around a value is taken away, which
section 8.2.1 lets a receiver do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hpack import HPACKError

from conformance.strict import AUTHORITY, NAME, PATH, VALUE, Message, Reading, RefusedError
from support.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    LONGEST,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Blocks,
    FrameReader,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.strict import Fields
    from support.frames import Frame

_FORBIDDEN = frozenset((b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"))
_PSEUDO = (b":method", b":scheme", b":authority", b":path")
_SIZES = {PING: 8, RST_STREAM: 4, WINDOW_UPDATE: 4, PRIORITY: 5}
_OF_STREAMS = frozenset((DATA, HEADERS, RST_STREAM, CONTINUATION, PRIORITY))
_OF_CONNECTION = frozenset((SETTINGS, PING, GOAWAY))
_BOUNDS = {2: (0, 1), 4: (0, 2**31 - 1), 5: (LONGEST, 2**24 - 1)}
"""Settings that may only have some values."""


class _BrokenError(Exception):
    """The connection is over."""


@dataclass(slots=True)
class _Stream:
    """A stream as far as it has come; `head` is None where it was refused."""

    head: Message | None
    ended: bool = False
    body: bytearray = field(default_factory=bytearray)


def read_streams(data: bytes) -> Reading:
    """Read all streams of a connection, in the order of their numbers."""
    reader = _Reader()
    reading = Reading()
    try:
        reader.read(data)
    except (_BrokenError, HPACKError) as refusal:
        reader.refusals.append(str(refusal) or type(refusal).__name__)
    for stream in reader.streams.values():
        if stream.head is not None:
            whole = stream.ended and not stream.head.head_only
            reading.messages.append(replace(stream.head, body=bytes(stream.body), head_only=not whole))
            if not whole:
                reader.refusals.append("incomplete")
    reading.refusal = next(iter(reader.refusals), "")
    return reading


class _Reader:
    """The connection. What is wrong in a stream ends the stream, what is wrong with frames ends the reading."""

    def __init__(self) -> None:
        self.streams: dict[int, _Stream] = {}
        self.refusals: list[str] = []
        self._blocks = Blocks()
        self._open: Frame | None = None
        """The HEADERS of the block that has not ended."""

    def read(self, data: bytes) -> None:
        if not data.startswith(PREFACE):
            raise _BrokenError(f"preface {data[: len(PREFACE)]!r}")
        frames = FrameReader()
        for frame in frames.feed(data.removeprefix(PREFACE)):
            self._check(frame)
            if frame.kind in (HEADERS, CONTINUATION):
                self._block(frame)
            elif frame.kind == DATA:
                self._data(frame)
            elif frame.kind == RST_STREAM and frame.stream in self.streams and not self.streams[frame.stream].ended:
                self._end(frame.stream, "the client has reset it")
        if int.from_bytes(frames.rest[:3], "big") > LONGEST:
            raise _BrokenError("a frame longer than allowed")

    def _check(self, frame: Frame) -> None:
        payload, size = frame.payload, len(frame.payload)
        if (self._open is not None) != (frame.kind == CONTINUATION):
            raise _BrokenError(f"frame of kind {frame.kind} where a header block is or is not open")
        if size > LONGEST or size != _SIZES.get(frame.kind, size):
            raise _BrokenError(f"frame of kind {frame.kind} with {size} bytes")
        if frame.kind in (_OF_CONNECTION if frame.stream else _OF_STREAMS) or frame.kind == PUSH_PROMISE:
            raise _BrokenError(f"frame of kind {frame.kind} on stream {frame.stream}")
        if frame.kind in (DATA, HEADERS) and frame.flags & PADDED and size <= (payload[0] if payload else 0):
            raise _BrokenError("more padding than payload")
        if frame.kind == HEADERS and frame.flags & PRIORITIZED and size < 5:
            raise _BrokenError("HEADERS too short for a priority")
        if frame.kind == WINDOW_UPDATE and not frame.stream and not any(payload):
            raise _BrokenError("a window of 0")
        if frame.kind == SETTINGS:
            _check_settings(frame)

    def _block(self, frame: Frame) -> None:
        self._open = self._open or frame
        fields = self._blocks.take(frame)
        if not frame.flags & END_HEADERS or fields is None:
            return
        first, self._open = self._open, None
        if first.stream % 2 == 0 or (first.stream not in self.streams and first.stream < max(self.streams, default=0)):
            raise _BrokenError(f"stream {first.stream} behind {max(self.streams, default=0)}")
        try:
            if first.stream in self.streams:
                self._trailers(first, fields)
            else:
                # Its number is used up, whatever comes of it.
                self.streams[first.stream] = _Stream(None)
                self.streams[first.stream] = _Stream(_head(fields))
            if first.ends_stream:
                self._close(first.stream)
        except RefusedError as refusal:
            self._end(first.stream, str(refusal))

    def _trailers(self, first: Frame, fields: Sequence[tuple[bytes, bytes]]) -> None:
        stream = self.streams[first.stream]
        if stream.ended or not first.ends_stream:
            raise RefusedError("HEADERS behind the head that are no trailers")
        if stream.head is not None:
            stream.head = replace(stream.head, trailers=_fields(fields))

    def _data(self, frame: Frame) -> None:
        stream = self.streams.get(frame.stream)
        if stream is None:
            raise _BrokenError(f"DATA on stream {frame.stream}, which is idle")
        if stream.ended:
            self.refusals.append("DATA behind the end of its stream")
            return
        stream.body += frame.content
        if frame.ends_stream:
            try:
                self._close(frame.stream)
            except RefusedError as refusal:
                self._end(frame.stream, str(refusal))

    def _close(self, number: int) -> None:
        stream = self.streams[number]
        stream.ended = True
        for length in stream.head.all(b"content-length") if stream.head else ():
            if int(length[-40:]) != len(stream.body):
                raise RefusedError(f"content-length {length!r} and {len(stream.body)} bytes")

    def _end(self, number: int, refusal: str) -> None:
        """Give a stream up; its head may have gone on already."""
        stream = self.streams[number]
        self.refusals.append(refusal)
        stream.ended = True
        if stream.head is not None:
            stream.head = replace(stream.head, head_only=True)


def _check_settings(frame: Frame) -> None:
    if len(frame.payload) % 6 or (frame.flags & ACK and frame.payload):
        raise _BrokenError(f"SETTINGS of {len(frame.payload)} bytes")
    for at in range(0, len(frame.payload), 6):
        name, value = int.from_bytes(frame.payload[at : at + 2], "big"), int.from_bytes(frame.payload[at + 2 : at + 6])
        low, high = _BOUNDS.get(name, (0, 2**32))
        if not low <= value <= high:
            raise _BrokenError(f"setting {name} is {value}")


def _head(fields: Sequence[tuple[bytes, bytes]]) -> Message:
    """Check a request's head (RFC 9113, 8.2, 8.3) and return it as one of HTTP/1, with a Host."""
    count = next((i for i, (name, _) in enumerate(fields) if not name.startswith(b":")), len(fields))
    pseudo, plain = dict(fields[:count]), _fields(fields[count:])
    if len(pseudo) != count or not pseudo.keys() <= set(_PSEUDO):
        raise RefusedError(f"pseudo-headers {[name for name, _ in fields[:count]]}")
    method = pseudo.get(b":method", b"")
    if NAME.fullmatch(method) is None:
        raise RefusedError(f"method {method!r}")
    hosts = [value for name, value in plain if name == b"host"]
    authority = pseudo.get(b":authority", hosts[0] if hosts else b"")
    if AUTHORITY.fullmatch(authority) is None or any(host.lower() != authority.lower() for host in hosts) or hosts[1:]:
        raise RefusedError(f"authority {authority!r} and hosts {hosts!r}")
    lengths = [value for name, value in plain if name == b"content-length"]
    if lengths[1:] or any(re.fullmatch(rb"[0-9]+", length) is None for length in lengths):
        raise RefusedError(f"lengths {lengths!r}")
    rest = tuple(pair for pair in plain if pair[0] != b"host")
    return Message(1, ((b"host", authority), *_one_cookie(rest)), method=method, target=_target(method, pseudo))


def _target(method: bytes, pseudo: dict[bytes, bytes]) -> bytes:
    if method == b"CONNECT":
        if not pseudo.keys() <= {b":method", b":authority"}:
            raise RefusedError("CONNECT with a scheme or a path")
        return pseudo.get(b":authority", b"")
    path = pseudo.get(b":path", b"")
    if pseudo.get(b":scheme") not in (b"http", b"https"):
        raise RefusedError(f"scheme {pseudo.get(b':scheme')!r}")
    if PATH.fullmatch(path) is None and not (path == b"*" and method == b"OPTIONS"):
        raise RefusedError(f"path {path[:80]!r}")
    return path


def _fields(fields: Sequence[tuple[bytes, bytes]]) -> Fields:
    found = []
    for name, padded in fields:
        value = padded.strip(b" \t")
        if NAME.fullmatch(name) is None or name != name.lower() or VALUE.fullmatch(value) is None:
            raise RefusedError(f"field {name[:40]!r}: {value[:40]!r}")
        if name in _FORBIDDEN or (name == b"te" and value.lower() != b"trailers"):
            raise RefusedError(f"field {name!r} of a connection")
        found.append((name, value))
    return tuple(found)


def _one_cookie(fields: Fields) -> Fields:
    """Cookies may come in crumbs (RFC 9113, 8.2.3)."""
    crumbs = [value for name, value in fields if name == b"cookie"]
    if not crumbs:
        return fields
    first = next(i for i, (name, _) in enumerate(fields) if name == b"cookie")
    rest = [pair for pair in fields[first:] if pair[0] != b"cookie"]
    return (*fields[:first], (b"cookie", b"; ".join(crumbs)), *rest)
