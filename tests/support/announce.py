"""The PROXY protocol in Python, written from its text alone, so that both sides of Tenbin are held to it."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.testing.client import Address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ALPN, AUTHORITY, CRC32C, UNIQUE_ID, SSL, SSL_VERSION, SSL_CN, SSL_CIPHER = 1, 2, 3, 5, 0x20, 0x21, 0x22, 0x23


@dataclass(frozen=True, slots=True)
class Announced:
    """A header that was read, and what came behind it. Addresses None: the sender speaks for itself."""

    version: int
    source: Address | None
    destination: Address | None
    rest: bytes
    tlvs: Mapping[int, bytes] = field(default_factory=dict)


def v1(source: Address, destination: Address = ("127.0.0.1", 80)) -> bytes:
    """Return a line of version 1."""
    family = "TCP6" if ":" in source[0] else "TCP4"
    return f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode()


def v2(
    source: Address | None,
    destination: Address = ("127.0.0.1", 80),
    tlvs: Mapping[int, bytes] | None = None,
    *,
    checksum: bool = False,
) -> bytes:
    """Return a header of version 2; without a source it is LOCAL."""
    if source is None:
        return SIGNATURE + b"\x20\0\0\0"
    ends = [ipaddress.ip_address(end[0]).packed for end in (source, destination)]
    body = b"".join(ends) + struct.pack(">HH", source[1], destination[1])
    body += b"".join(tlv(kind, value) for kind, value in (tlvs or {}).items())
    body += tlv(CRC32C, bytes(4)) if checksum else b""
    family = b"\x21" if ":" in source[0] else b"\x11"
    header = SIGNATURE + b"\x21" + family + struct.pack(">H", len(body)) + body
    return header[:-4] + struct.pack(">I", crc32c(header)) if checksum else header


def tlv(kind: int, value: bytes) -> bytes:
    """Return one TLV."""
    return struct.pack(">BH", kind, len(value)) + value


def ssl(version: bytes, name: bytes = b"", *, verify: int = 0) -> bytes:
    """Return the value of an SSL TLV: TLS of this version, and a certificate of this common name unless it is empty."""
    inner = tlv(SSL_VERSION, version) + (tlv(SSL_CN, name) if name else b"")
    return struct.pack(">BI", 0b111 if name else 1, verify) + inner


def parse_tlvs(data: bytes) -> dict[int, bytes]:
    """Return TLVs that follow each other and nothing else."""
    found = {}
    while data:
        kind, length = struct.unpack_from(">BH", data)
        assert len(data) >= 3 + length, "a TLV is not whole"
        found[kind], data = data[3 : 3 + length], data[3 + length :]
    return found


def parse(data: bytes) -> Announced:
    """Return the header that `data` starts with."""
    if not data.startswith(SIGNATURE):
        line, found, rest = data.partition(b"\r\n")
        assert found, data
        words = line.decode().split(" ")
        assert words[0] == "PROXY", line
        if words[1] == "UNKNOWN":
            return Announced(1, None, None, rest)
        _, _, source, destination, source_port, port = words
        return Announced(1, (source, int(source_port)), (destination, int(port)), rest)
    command, family, length = struct.unpack_from(">BBH", data, 12)
    body, rest = data[16 : 16 + length], data[16 + length :]
    assert len(body) == length, "the header is not whole"
    if command == 0x20:
        return Announced(2, None, None, rest)
    assert command == 0x21, data
    size = {0x11: 4, 0x21: 16}[family]
    source, destination = (str(ipaddress.ip_address(body[i * size : (i + 1) * size])) for i in (0, 1))
    ports = struct.unpack_from(">HH", body, 2 * size)
    tlvs = parse_tlvs(body[2 * size + 4 :])
    return Announced(2, (source, ports[0]), (destination, ports[1]), rest, tlvs)


def crc32c(data: bytes) -> int:
    """Return the checksum of RFC 3720, appendix B.4, bit by bit."""
    sum_ = 0xFFFFFFFF
    for byte in data:
        sum_ ^= byte
        for _ in range(8):
            sum_ = sum_ >> 1 ^ (0x82F63B78 if sum_ & 1 else 0)
    return sum_ ^ 0xFFFFFFFF
