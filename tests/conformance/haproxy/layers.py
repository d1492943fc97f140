"""What lies below a request at a server: a PROXY header, TLS; taken off, and told in a line."""

from __future__ import annotations

import socket
import ssl
import struct
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

    from support.scripted import Peer

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FAMILIES = {0x00: "UNKNOWN", 0x11: "TCP4", 0x21: "TCP6", 0x31: "UNIX"}


class Layers:
    """The words of a line `over`."""

    def __init__(self, words: str, folder: Path) -> None:
        self._words = dict(word.partition("=")[::2] for word in words.split())
        self._folder = folder
        self.is_local = "unix" in self._words

    def enter(self, peer: Peer) -> str:
        """Read what comes before the first request; the peer's socket is what the requests come on."""
        told = []
        if "proxy" in self._words:
            told.append(_header(peer.socket))
        if "tls" in self._words:
            told.append(self._secure(peer))
        return "; ".join(told)

    def _secure(self, peer: Peer) -> str:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self._folder / "ca.pem")
        context.load_cert_chain(self._folder / self._words["tls"])
        context.verify_mode = ssl.CERT_OPTIONAL
        asked: list[str | None] = []
        context.sni_callback = lambda _, name, __: asked.append(name)
        secured = context.wrap_socket(peer.socket, server_side=True)
        peer.socket = secured
        return f"{secured.version()} sni={asked[-1]} client={_whose(secured)}"


def _whose(secured: ssl.SSLSocket) -> str | None:
    shown = secured.getpeercert(binary_form=True)
    if not shown:
        return None
    subject = x509.load_der_x509_certificate(shown).subject
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _header(connection: socket.socket) -> str:
    start = _exactly(connection, 12)
    if start != _SIGNATURE:
        line = start
        while line and not line.endswith(b"\n"):
            line += _exactly(connection, 1)
        return line.decode("latin-1").strip()
    version, family, length = struct.unpack(">BBH", _exactly(connection, 4))
    rest = _exactly(connection, length)
    name = _FAMILIES.get(family, str(family))
    text = f"version {version >> 4} {'PROXY' if version & 1 else 'LOCAL'} {name}"
    if name != "TCP4":
        return text
    source, target, *ports = struct.unpack(">4s4sHH", rest[:12])
    kinds = " ".join(_extras(rest[12:]))
    ends = f"{socket.inet_ntoa(source)} {socket.inet_ntoa(target)} {ports[0]} {ports[1]}"
    return f"{text} {ends} {kinds}".strip()


def _extras(data: bytes) -> list[str]:
    """Values that say who asks; of the others, their kind."""
    texts = []
    while len(data) >= 3:
        kind, length = struct.unpack(">BH", data[:3])
        value = data[3 : 3 + length]
        texts.append(f"{kind:#x}" + (f"={value.decode()}" if kind in (0x01, 0x02) else ""))
        data = data[3 + length :]
    return texts


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionAbortedError("it ended within the header")
        data += piece
    return data
