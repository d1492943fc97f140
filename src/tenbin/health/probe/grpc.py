"""The gRPC probe: grpc.health.v1.Health/Check over HTTP/2, as gRPC's health checking protocol describes it.

Owns the two messages, which are too small to need a library, and the verdict. HTTP/2 is in `http2`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tenbin.health.probe.answer import GarbageError
from tenbin.health.probe.asking import ask, h2_fields
from tenbin.health.probe.http2 import Exchange
from tenbin.health.result import CheckStatus, Outcome, printable

if TYPE_CHECKING:
    from tenbin.health.probe.channel import Channel, Dialer
    from tenbin.health.target import Target
    from tenbin.model import GrpcCheck

ALPN = ("h2",)


async def probe(dialer: Dialer, target: Target, check: GrpcCheck) -> Outcome:
    """Ask: L7OK, L7STS, L7RSP, L7TOUT, or what hindered the connection. The code is gRPC's, or HTTP's if not 200."""

    async def judged(channel: Channel) -> Outcome:
        if channel.tls and channel.alpn != "h2":
            return Outcome(CheckStatus.L6RSP, None, "the server did not agree to HTTP/2 (ALPN h2), which gRPC needs")
        exchange = Exchange(_request(check, target), _question(check.service))
        while not exchange.done:
            await channel.send(exchange.outgoing())
            data = await channel.receive()
            if data:
                exchange.feed(data)
            else:
                exchange.end()
        return _verdict(exchange)

    return await ask(dialer, target, ALPN, judged)


def _verdict(exchange: Exchange) -> Outcome:
    """Judge a whole answer (gRPC over HTTP/2, "Responses")."""
    head, fields = exchange.head, exchange.fields
    if head is None:
        raise GarbageError("ended without an answer")
    if head.status != 200:
        return Outcome(CheckStatus.L7STS, head.status, f"HTTP status {head.status}, not an answer of gRPC")
    if not fields.get("content-type", "").startswith("application/grpc"):
        raise GarbageError("not an answer of gRPC")
    last = exchange.trailers if "grpc-status" in exchange.trailers else fields
    code = last.get("grpc-status", "")
    if not code.isascii() or not code.isdigit() or len(code) > 5:
        raise GarbageError("no grpc-status")
    if int(code):
        return Outcome(CheckStatus.L7STS, int(code), printable(_refusal(int(code), last.get("grpc-message", ""))))
    serving = _serving(_message(exchange.body))
    return Outcome(CheckStatus.L7OK if serving == _SERVING else CheckStatus.L7STS, 0, _name(_STATES, serving))


_SERVING = 1
_STATES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_MEANINGS = {
    5: "the server knows no such service",
    12: "the server has no health service (grpc.health.v1.Health)",
}


def _request(check: GrpcCheck, target: Target) -> list[tuple[str, str]]:
    ours = [("te", "trailers"), ("content-type", "application/grpc"), ("grpc-timeout", f"{_millis(target.within)}m")]
    given = {name.lower() for name, _ in check.headers}
    path = "/grpc.health.v1.Health/Check"
    return [*h2_fields("POST", path, target, check.headers), *(one for one in ours if one[0] not in given)]


def _millis(within: float) -> int:
    """At most 8 digits, as gRPC has it."""
    return max(1, min(int(within * 1000), 99_999_999))


@lru_cache(maxsize=1024)
def _question(service: str) -> bytes:
    """HealthCheckRequest, whose one field, 1, is the service; framed with "not compressed" and its length."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _message(body: bytes | bytearray) -> bytes:
    """The one message of an answer."""
    if len(body) < 5 or len(body) != 5 + int.from_bytes(body[1:5], "big"):
        raise GarbageError("not one whole message")
    if body[0]:
        raise GarbageError("a compressed message, which nobody asked for")
    return bytes(body[5:])


def _serving(message: bytes) -> int:
    """HealthCheckResponse, whose field 1 is the state; what else is in it is passed over."""
    state, at = 0, 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        match tag & 7:
            case 0:
                value, at = _read_varint(message, at)
                state = value if tag >> 3 == 1 else state
            case 1:
                at += 8
            case 2:
                size, at = _read_varint(message, at)
                at += size
            case 5:
                at += 4
            case _:
                raise GarbageError("bad message")
    if at > len(message):
        raise GarbageError("bad message")
    return state


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(message[at : at + 10]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    raise GarbageError("bad message")


def _refusal(code: int, message: str) -> str:
    text = message or _MEANINGS.get(code, "")
    return f"{_name(_CODES, code)}: {text}" if text else _name(_CODES, code)


def _name(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else str(number)
