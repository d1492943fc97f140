"""Requests of HTTP/2 that are nearly right, as rows: what an HTTP/1 server gets for them must be what they say.

Owns what is drawn, the same for the same seed; `conformance.judge` says what must come of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.rows import Row
from support.frames import data, headers, opening, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.dice import Dice

    Fields = list[tuple[bytes, bytes]]

_OUTCOMES = (
    "forward-ok",
    "stream-error",
    "connection-error",
    "close",
    "alive",
    "400",
    "404",
    "405",
    "413",
    "431",
    "501",
)
"""Whatever a proxy makes of a bent request, but it makes something of it, and no server is blamed."""
_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
_BYTES = (
    *(bytes((byte,)) for byte in b"\r\n\0 \t\x0b\x1f\x7f\x80\xff:;,#?/\\%@\"'(_"),
    b"\r\n",
    b"\r\nx: y",
    b" HTTP/1.1",
)
_PATHS = (
    *(b"/a b", b"/a\tb", b"/#x", b"/a#?b", b"//b.test/", b"http://b.test/", b"*", b"", b"a", b"?x", b"/%", b"/%zz"),
    *(b"/\\", b"/%00", b"/%2e%2e/x", b"/..;/x", b"/ HTTP/1.1\r\nX: y", b"/\xe9", b"/a?b?c", b"/;x=1"),
)
_METHODS = (
    b"",
    b"get",
    b"GE T",
    b"GET /x HTTP/1.1\r\n",
    b"TRACE",
    b"CONNECT",
    b"OPTIONS",
    b"HEAD",
    b"PUT",
    b"PRI",
    b"G(T",
)
_AUTHORITIES = (
    b"",
    b"a b",
    b"a.test:80",
    b"a.test:x",
    b"u@a.test",
    b"a.test/x",
    b"[::1]",
    b"a,b",
    b"b.test",
    b"\xe9.test",
)
_LINES = (
    *((b"connection", value) for value in (b"close", b"keep-alive", b"x", b"content-length")),
    *((b"transfer-encoding", value) for value in (b"chunked", b"identity", b"Chunked, chunked")),
    *((b"te", value) for value in (b"trailers", b"gzip", b"trailers, chunked")),
    *((b"upgrade", value) for value in (b"websocket", b"h2c")),
    *((b"content-length", value) for value in (b"0", b"4", b"5", b"6", b"+5", b"5,5", b"0x5", b"", b"9" * 30)),
    *((b"host", value) for value in (b"a.test", b"b.test", b"", b"a.test:80")),
    *((b"cookie", value) for value in (b"a=b", b"c=d; e=f")),
    *(
        (name, b"1")
        for name in (b"keep-alive", b"proxy-connection", b"x-y", b"x_y", b"X-Y", b"", b":path", b":x", b"x y")
    ),
    (b"expect", b"100-continue"),
    (b"http2-settings", b"AAMAAABk"),
    (b"content-length ", b"5"),
    (b"x", b"a\r\ntransfer-encoding: chunked"),
    (b"x", b"1\r\n\r\n" + _SMUGGLED),
)
_BODIES = (b"", b"hello", _SMUGGLED, b"0\r\n\r\n" + _SMUGGLED)


def bent_rows(dice: Dice, count: int) -> list[Row]:
    """Return so many connections of one request each."""
    return [_row(dice, f"B{number:04}") for number in range(count)]


def _row(dice: Dice, name: str) -> Row:
    """A good request, bent up to three times."""
    body = dice.pick(_BODIES)
    fields = request(b"/a?b", b"POST" if body else b"GET", ((b"accept", b"*/*"),))
    if dice.below(2):
        fields.append((b"content-length", b"%d" % len(body)))
    for _ in range(dice.below(4)):
        dice.pick(_BENDS)(dice, fields)
    trailer = dice.pick(_LINES) if body and dice.below(4) == 0 else None
    raw = opening() + headers(1, fields, end=not body)
    if body:
        raw += data(1, body[:3], end=False) + data(1, body[3:], end=trailer is None)
    if trailer is not None:
        raw += headers(1, [trailer])
    return Row(
        id=name,
        kind="h2",
        category="bent",
        raw=raw,
        expected=frozenset(_OUTCOMES),
        after="",
        method="GET",
        max_fwd=1,
        must_not=None,
        note=f"{fields} {body!r} {trailer or ''}",
    )


def _add_line(dice: Dice, fields: Fields) -> None:
    fields.insert(4 + dice.below(len(fields) - 3) if len(fields) > 3 else 0, dice.pick(_LINES))


def _misplace(dice: Dice, fields: Fields) -> None:
    fields.insert(dice.below(len(fields) + 1), dice.pick(_LINES))


def _insert(dice: Dice, fields: Fields) -> None:
    at = dice.below(len(fields))
    parts = list(fields[at])
    part = dice.below(2)
    cut = dice.below(len(parts[part]) + 1)
    parts[part] = parts[part][:cut] + dice.pick(_BYTES) + parts[part][cut:]
    fields[at] = (parts[0], parts[1])


def _repeat(dice: Dice, fields: Fields) -> None:
    fields.insert(dice.below(len(fields)), dice.pick(fields))


def _drop(dice: Dice, fields: Fields) -> None:
    if len(fields) > 1:
        del fields[dice.below(len(fields))]


def _instead(name: bytes, values: tuple[bytes, ...]) -> Callable[[Dice, Fields], None]:
    def bend(dice: Dice, fields: Fields) -> None:
        fields[:] = [(key, dice.pick(values) if key == name else value) for key, value in fields]

    return bend


_BENDS = (
    _add_line,
    _add_line,
    _misplace,
    _insert,
    _repeat,
    _drop,
    _instead(b":path", _PATHS),
    _instead(b":method", _METHODS),
    _instead(b":authority", _AUTHORITIES),
    _instead(b":scheme", (b"https", b"ftp", b"", b"http://b.test/?")),
)
