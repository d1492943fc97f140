"""Requests that are nearly right: good ones of the corpus, bent in a few places.

Owns what is drawn; what must come of it is in `test_wire`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from conformance.rows import Row, read_rows
from conformance.strict import read_requests

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

_LONGEST = 1200
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
_BODIES = (
    b"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n%s" % (len(_SMUGGLED), _SMUGGLED),
    b"PUT /b HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n%x\r\n%s\r\n0\r\nX-T: 1\r\n\r\n"
    % (len(_SMUGGLED), _SMUGGLED),
    b"GET http://a.test:80/x?y=1 HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: x-own, keep-alive\r\nX-Own: 1\r\nX_Under: 2\r\n\r\n",
)


def _is_valid(row: Row) -> bool:
    reading = read_requests(row.raw)
    return bool(reading.whole) and not reading.refusal and "forward-ok" in row.expected


GOOD = (
    *(row.raw for row in read_rows() if row.kind == "req" and len(row.raw) <= _LONGEST and _is_valid(row)),
    *_BODIES,
)
"""Requests that may be forwarded, most of which must."""

_PIECES = (
    *(bytes((byte,)) for byte in b"\r\n\0 \t\x0b\x0c\x1f\x7f\x85\xa0\xff,;:_-+#%/?@\\\"'(*0"),
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\r\n",
    b"\r\n ",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"ffffffffffffffff",
    b"%2f",
    b"%00",
    b"//",
    b"/../",
    b"http://b.test",
    b"chunked",
    b"identity, ",
    b", chunked",
    b"close",
    _SMUGGLED,
)
_LINES = (
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"content-length : 5",
    b"Content_Length: 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity",
    b"transfer-encoding:\tCHUNKED",
    b"Transfer-Encoding : chunked",
    b" folded",
    b"Host: b.test",
    b"Connection: close",
    b"Connection: content-length",
    b"Connection: te, upgrade",
    b"TE: trailers",
    b"Upgrade: websocket",
    b"Expect: 100-continue",
    b"X-Forwarded-For: 6.6.6.6",
    b"Trailer: X-T",
    b"nothing",
    b": empty",
)


@dataclass(frozen=True, slots=True)
class Bent:
    """What is sent, and where it is cut into segments."""

    data: bytes
    cuts: tuple[int, ...]

    @property
    def segments(self) -> list[bytes]:
        """The data, cut."""
        edges = [0, *self.cuts, len(self.data)]
        return [self.data[one:other] for one, other in pairwise(edges) if one < other]


@st.composite
def bent(draw: DrawFn) -> Bent:
    """One to three requests, bent up to three times."""
    data = b"".join(draw(st.lists(st.sampled_from(GOOD), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 3))):
        data = draw(st.sampled_from(_BENDS))(draw, data)
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=5, unique=True))
    return Bent(data, tuple(sorted(cuts)))


def _insert(draw: DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from(_PIECES)) + data[at:]


def _replace(draw: DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + bytes((draw(st.integers(0, 255)),)) + data[at + 1 :]


def _cut_out(draw: DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + data[at + draw(st.integers(1, 4)) :]


def _cut_off(draw: DrawFn, data: bytes) -> bytes:
    return data[: draw(st.integers(1, max(1, len(data))))]


def _add_line(draw: DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(_LINES)))
    return b"\r\n".join(lines)


def _repeat_line(draw: DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
    return b"\r\n".join(lines)


def _drop_line(draw: DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    del lines[draw(st.integers(0, len(lines) - 1))]
    return b"\r\n".join(lines)


def _swap_case(draw: DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    end = at + draw(st.integers(1, 20))
    return data[:at] + data[at:end].swapcase() + data[end:]


def _end_with_lf(draw: DrawFn, data: bytes) -> bytes:
    """One line end becomes another."""
    parts = data.split(b"\r\n")
    at = draw(st.integers(0, len(parts) - 1))
    end = draw(st.sampled_from((b"\n", b"\r", b"\r\r\n", b" \r\n", b"\r\n\t", b"\n\r", b"\0\r\n")))
    return b"\r\n".join(parts[:at]) + end + b"\r\n".join(parts[at:])


_BENDS = (
    _insert,
    _replace,
    _cut_out,
    _cut_off,
    _add_line,
    _repeat_line,
    _drop_line,
    _swap_case,
    _end_with_lf,
)
