"""HTTP/2 frames as bytes (RFC 9113, 4 and 6): written as a test wants them, and read one by one.

Nothing is checked on the way out, so that a client can say what no library would let it say. Fields are written
without compression (RFC 7541, 6.2.2), so that a frame does not depend on those before it; they are read with `hpack`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hpack import Decoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Pairs = Iterable[tuple[bytes, bytes]]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20

CANCEL = 0x8
HEAD_SIZE = 9
LONGEST = 16_384
"""Bytes of a payload that every peer takes."""


class Frame(NamedTuple):
    """One frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def ends_stream(self) -> bool:
        """Whether nothing follows it in its stream from this side."""
        return self.kind == RST_STREAM or (self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM))

    @property
    def error(self) -> int:
        """The code of RST_STREAM or GOAWAY; -1 in a frame too short for it."""
        start = 4 if self.kind == GOAWAY else 0
        code = self.payload[start : start + 4]
        return int.from_bytes(code, "big") if len(code) == 4 else -1

    @property
    def content(self) -> bytes:
        """The payload of DATA, HEADERS or PUSH_PROMISE without padding and priority; b"" where those do not fit."""
        start, end = 0, len(self.payload)
        if self.flags & PADDED:
            start, end = 1, end - (self.payload[0] if self.payload else end)
        if self.kind == HEADERS and self.flags & PRIORITIZED:
            start += 5
        return self.payload[start:end] if start <= end else b""


class FrameReader:
    """Takes bytes as they come and gives the frames in them; `rest` is what is not whole once all were taken."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; yield the frames that are whole now."""
        data, at = self.rest + data, 0
        while (frame := _at(data, at)) is not None:
            at += HEAD_SIZE + len(frame.payload)
            yield frame
        self.rest = data[at:]


class Blocks:
    """Puts the header blocks of a connection together, in their order, and decodes them."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._block = b""

    def take(self, frame: Frame) -> list[tuple[bytes, bytes]] | None:
        """Take HEADERS or CONTINUATION; return the fields with the last of a block, else None."""
        self._block += frame.content if frame.kind == HEADERS else frame.payload
        if not frame.flags & END_HEADERS:
            return None
        block, self._block = self._block, b""
        return [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """Return any frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def opening() -> bytes:
    """Return what a client begins a connection with."""
    return PREFACE + frame(SETTINGS)


def block(fields: Pairs) -> bytes:
    """Return fields as a header block."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)


def request(
    path: bytes = b"/", method: bytes = b"GET", more: Pairs = (), authority: bytes = b"a.test"
) -> list[tuple[bytes, bytes]]:
    """Return the fields of a request."""
    names = (b":method", b":scheme", b":authority", b":path")
    return [*zip(names, (method, b"http", authority, path), strict=True), *more]


def headers(stream: int, fields: Pairs, *, end: bool = True) -> bytes:
    """Return a whole header block, in as many frames as it takes."""
    whole = block(fields)
    pieces = [whole[i : i + LONGEST] for i in range(0, len(whole), LONGEST)] or [b""]
    last = len(pieces) - 1
    return b"".join(
        frame(
            CONTINUATION if i else HEADERS,
            piece,
            (END_STREAM if end and not i else 0) | (END_HEADERS if i == last else 0),
            stream,
        )
        for i, piece in enumerate(pieces)
    )


def data(stream: int, payload: bytes, *, end: bool = True) -> bytes:
    """Return a DATA frame."""
    return frame(DATA, payload, END_STREAM if end else 0, stream)


def reset(stream: int, error: int = CANCEL) -> bytes:
    """Return a RST_STREAM frame."""
    return frame(RST_STREAM, error.to_bytes(4, "big"), stream=stream)


def window_update(stream: int, size: int) -> bytes:
    """Return a WINDOW_UPDATE frame."""
    return frame(WINDOW_UPDATE, size.to_bytes(4, "big"), stream=stream)


def _at(data: bytes, at: int) -> Frame | None:
    start = at + HEAD_SIZE
    end = start + int.from_bytes(data[at : at + 3], "big")
    if len(data) < max(start, end):
        return None
    stream = int.from_bytes(data[at + 5 : start], "big") & 0x7FFF_FFFF
    return Frame(data[at + 3], data[at + 4], stream, data[start:end])


def _text(value: bytes) -> bytes:
    """A string as it is (RFC 7541, 5.2), with its length in seven bits or more."""
    if len(value) < 127:
        return bytes((len(value),)) + value
    rest, found = len(value) - 127, bytearray((127,))
    while rest >= 128:
        found.append(rest % 128 + 128)
        rest //= 128
    found.append(rest)
    return bytes(found) + value
