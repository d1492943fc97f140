"""A server's answer to an HTTP check, parsed strictly and without a socket (RFC 9112).

Owns the head's grammar, which framing a body has, and its first 64 KiB. What the data plane would refuse from a server
is refused here too, so that a server whose answers no client would get does not pass. Does not judge the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

BODY_LIMIT = 65_536


class GarbageError(Exception):
    """What came is no HTTP/1 answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Head:
    """The status, the reason phrase as it came, and the body's framing.

    `length` is the Content-Length or None; with `chunked` false and no length the body ends with the connection.
    """

    status: int
    reason: str
    chunked: bool
    length: int | None


class Answer:
    """Takes bytes as they come; `head` appears once it is whole, then `body` grows until `done` or 64 KiB.

    `bodiless`: the request was a HEAD. Interim answers (1xx) are skipped.
    """

    __slots__ = ("_bodiless", "_buffer", "_interim", "body", "done", "head")

    def __init__(self, *, bodiless: bool) -> None:
        self.head: Head | None = None
        self.body = bytearray()
        self.done = False
        self._buffer = b""
        self._bodiless = bodiless
        self._interim = 0

    @staticmethod
    def outgoing() -> bytes:
        """HTTP/1 has nothing to say while it listens."""
        return b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises GarbageError."""
        self._buffer = self._buffer + data if self._buffer else data
        while self.head is None:
            head = self._take_head()
            if head is None:
                return
            self._accept(head)
        if not self.done:
            self._take_body(self.head)

    def end(self) -> None:
        """The server closed; raises GarbageError when that cuts the answer short."""
        if self.head is None:
            raise GarbageError("closed in the middle of the head" if self._buffer else "closed without an answer")
        if not self.done and (self.head.chunked or self.head.length is not None):
            raise GarbageError("closed in the middle of the body")
        self.done = True

    def _take_head(self) -> Head | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            _check_unfinished(self._buffer)
            return None
        found = _HEAD.fullmatch(self._buffer, 0, end + 4)
        if found is None or end > _HEAD_LIMIT:
            raise GarbageError(_complaint(self._buffer[:end]))
        self._buffer = self._buffer[end + 4 :]
        chunked, length = _framing(found[3])
        return Head(int(found[1]), (found[2] or b"").decode("latin-1"), chunked, length)

    def _accept(self, head: Head) -> None:
        if 100 <= head.status < 200:
            self._interim += 1
            if head.status == 101 or self._interim > _INTERIM_LIMIT:
                raise GarbageError(f"unexpected {head.status} answer")
            return
        self.head = head
        self.done = self._bodiless or head.status in {204, 304} or head.length == 0

    def _take_body(self, head: Head) -> None:
        if head.chunked:
            self._take_chunks()
        else:
            self.body += self._buffer
            self._buffer = b""
            if head.length is not None and len(self.body) >= head.length:
                del self.body[head.length :]
                self.done = True
        if len(self.body) >= BODY_LIMIT:
            del self.body[BODY_LIMIT:]
            self.done = True

    def _take_chunks(self) -> None:
        while len(self.body) < BODY_LIMIT:
            end = self._buffer.find(b"\r\n")
            if end < 0 or end > _CHUNK_LINE_LIMIT:
                if len(self._buffer) > _CHUNK_LINE_LIMIT:
                    raise GarbageError("chunk size line too long")
                return
            line = _CHUNK_LINE.fullmatch(self._buffer, 0, end)
            if line is None:
                raise GarbageError("bad chunk size")
            size = int(line[1], 16)
            if size == 0:
                self.done = True
                return
            whole = self._take_chunk(end + 2, size)
            if not whole:
                return

    def _take_chunk(self, start: int, size: int) -> bool:
        stop = start + size
        if len(self._buffer) < stop + 2:
            if len(self._buffer) - start >= BODY_LIMIT:
                self.body += self._buffer[start:stop]
            return False
        if self._buffer[stop : stop + 2] != b"\r\n":
            raise GarbageError("chunk longer than its size")
        self.body += self._buffer[start:stop]
        self._buffer = self._buffer[stop + 2 :]
        return True


_HEAD_LIMIT = 32_768
_INTERIM_LIMIT = 8
_CHUNK_LINE_LIMIT = 256
_TEXT = rb"[\t\x20-\x7e\x80-\xff]*"
_FIELD = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:" + _TEXT + rb"\r\n"
_HEAD = re.compile(
    rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: (" + _TEXT + rb"))?\r\n((?:" + _FIELD + rb"){0,100})\r\n",
)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5][0-9]{2}(?: " + _TEXT + rb")?(?:\r\n|\Z)")
_FRAMING = re.compile(rb"(?:^|\n)(content-length|transfer-encoding):[ \t]*([^\r]*?)[ \t]*\r", re.IGNORECASE)
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;" + _TEXT + rb")?")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_START = b"HTTP/1."


def _check_unfinished(buffer: bytes) -> None:
    """Refuse at once what can never become a head, rather than at the timeout."""
    if not buffer.startswith(_START[: len(buffer)]):
        raise GarbageError("not an HTTP/1 answer")
    if len(buffer) > _HEAD_LIMIT:
        raise GarbageError("head longer than 32 KiB")
    if _BARE_LF.search(buffer):
        raise GarbageError("line ends without a carriage return")


def _complaint(head: bytes) -> str:
    if not head.startswith(_START):
        return "not an HTTP/1 answer"
    if len(head) > _HEAD_LIMIT:
        return "head longer than 32 KiB"
    return "bad header field" if _STATUS_LINE.match(head) else "bad status line"


def _framing(fields: bytes) -> tuple[bool, int | None]:
    chunked, length = False, None
    for name, text in _FRAMING.findall(fields):
        if name[:1] in b"tT":
            if chunked or text.lower() != b"chunked":
                raise GarbageError("unknown transfer coding")
            chunked = True
        elif not text.isdigit() or len(text) > 15 or (length is not None and length != int(text)):
            raise GarbageError("bad Content-Length")
        else:
            length = int(text)
    if chunked and length is not None:
        raise GarbageError("both Content-Length and Transfer-Encoding")
    return chunked, length
