"""WebSocket as an echo server needs it (RFC 6455): the handshake and whole frames, without extensions.

Knows no sockets: bytes in, bytes out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from tenbin.demo.http import Answer, Request

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_MAX_MESSAGE = 16 * 1024 * 1024


def handshake(request: Request) -> Answer:
    """Return 101 with the accept key, or the error that section 4.2.1 asks for."""
    key = request.header("sec-websocket-key")
    tokens = {token.strip().lower() for token in request.header("connection").split(",")}
    wanted = request.header("upgrade").lower() == "websocket" and "upgrade" in tokens
    if not wanted or request.method != "GET" or not request.minor:
        return Answer(426, (("Upgrade", "websocket"), ("Connection", "Upgrade")), b"this is a WebSocket\n")
    if request.header("sec-websocket-version") != "13" or not _is_key(key):
        return Answer(400, (("Sec-WebSocket-Version", "13"),), b"bad WebSocket handshake\n", close=True)
    accept = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()  # noqa: S324 - the RFC's choice
    return Answer(101, (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)))


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole unmasked frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return bytes((0x80 | opcode, 126)) + struct.pack("!H", size) + payload
    return bytes((0x80 | opcode, 127)) + struct.pack("!Q", size) + payload


class Echo:
    """Sends every message back, answers pings, and closes as it is closed."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._message = bytearray()
        self._opcode = 0
        self.closed = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes and return what to send; after a close frame or an error `closed` is true."""
        self._buffer += data
        out: list[bytes] = []
        while not self.closed:
            part = self._take_frame()
            if part is None:
                break
            out.append(part if isinstance(part, bytes) else self._react(part))
        return b"".join(out)

    def goodbye(self, code: int = 1001) -> bytes:
        """Return a close frame (1001: going away) and be closed."""
        self.closed = True
        return frame(_CLOSE, struct.pack("!H", code))

    def _take_frame(self) -> _Frame | bytes | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < 2 + width:
                return None
            size, start = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
        if buffer[0] & 0x70 or not buffer[1] & 0x80:
            return self.goodbye(1002)
        if size > _MAX_MESSAGE:
            return self.goodbye(1009)
        if len(buffer) < start + 4 + size:
            return None
        mask = bytes(buffer[start : start + 4])
        payload = _unmask(bytes(buffer[start + 4 : start + 4 + size]), mask)
        final, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        del buffer[: start + 4 + size]
        return _Frame(final, opcode, payload)

    def _react(self, part: _Frame) -> bytes:
        if part.opcode >= _CLOSE and (not part.final or len(part.payload) > 125):
            return self.goodbye(1002)
        if part.opcode == _CLOSE:
            self.closed = True
            return frame(_CLOSE, part.payload[:2])
        if part.opcode == _PING:
            return frame(_PONG, part.payload)
        if part.opcode == _PONG:
            return b""
        if (part.opcode == 0) != (self._opcode != 0) or part.opcode > _BINARY:
            return self.goodbye(1002)
        self._opcode = self._opcode or part.opcode
        self._message += part.payload
        if len(self._message) > _MAX_MESSAGE:
            return self.goodbye(1009)
        if not part.final:
            return b""
        answer = frame(self._opcode, bytes(self._message))
        self._opcode = 0
        self._message.clear()
        return answer


@dataclass(frozen=True, slots=True)
class _Frame:
    final: bool
    opcode: int
    payload: bytes


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    pad = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
