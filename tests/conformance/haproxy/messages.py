"""HTTP/1 messages off a socket, kept as they came: nothing is made nicer, nothing is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Receive = Callable[[], bytes]


@dataclass
class Message:
    """A request or an answer; `end` says how it ended: whole, cut, or with the connection."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    end: str = "whole"
    interim: list[str] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return a field's first value, or nothing."""
        return next((value for key, value in self.fields if key == name), "")


class Stream:
    """Bytes of a connection, read as far as a message needs."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._buffer = bytearray()
        self.ended = ""

    def head(self) -> Message | None:
        """Return the next head, None when the connection ends before it."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        text, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        self._buffer[:] = rest
        first, *lines = text.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return Message(first, [(name.lower(), value.strip()) for name, _, value in pairs])

    def body(self, message: Message, *, answer: bool, bodyless: bool = False) -> None:
        """Read the body that a head announces."""
        status = message.line.split()[1] if answer and " " in message.line else ""
        if bodyless or status in ("204", "304"):
            return
        if "chunked" in message.get("transfer-encoding").lower():
            self._chunked(message)
        elif (length := message.get("content-length")).isdigit():
            message.body = self._exactly(int(length))
            message.end = "whole" if len(message.body) == int(length) else "cut"
        elif answer:
            while self._more():
                pass
            message.body, message.end = bytes(self._buffer), f"until {self.ended}"
            self._buffer.clear()

    def rest(self) -> bytes:
        """Return what came and was not asked for."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def drain(self) -> None:
        """Read until the connection ends or is quiet."""
        while self._more():
            pass

    def _chunked(self, message: Message) -> None:
        while True:
            size = self._line()
            if size is None:
                message.end = "cut"
                return
            length = int(size.split(b";")[0] or b"0", 16)
            if not length:
                break
            message.body += self._exactly(length)
            self._line()
        while self._line():
            pass

    def _line(self) -> bytes | None:
        while b"\r\n" not in self._buffer:
            if not self._more():
                return None
        line, _, rest = bytes(self._buffer).partition(b"\r\n")
        self._buffer[:] = rest
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size and self._more():
            pass
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self) -> bool:
        if self.ended:
            return False
        try:
            data = self._receive()
        except TimeoutError:
            self.ended = "silence"
        except OSError:
            self.ended = "reset"
        else:
            self.ended = "" if data else "end"
            self._buffer += data
        return not self.ended


def unescape(text: str) -> bytes:
    r"""Return the bytes that `\r\n`, `\t` and `\xNN` in a case's line stand for."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
