"""How a client reaches a door of the proxy, and the connection that it then has.

web                                a port of the proxy
unix@web.sock                      a unix socket in the folder of the case
web+proxy=192.0.2.7                after a PROXY header, version 1, from this address, port 4000, to 192.0.2.1:80
web+proxy2=192.0.2.7               the same in version 2
web+tls                            over TLS
web+tls+sni=b.test                 naming this host (`sni=` names none; else it is localhost)
web+tls+alpn=h2,http/1.1           offering these protocols
web+tls+as=jane.pem                with this certificate of the case
web+tls+max=1.2, web+tls+min=1.3   with these versions
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

from conformance.haproxy.messages import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PATIENCE = 15.0
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_TO, _PORTS = "192.0.2.1", (4000, 80)


class RefusedError(OSError):
    """The handshake failed; `port` is that of the client."""

    def __init__(self, why: str, port: int | None) -> None:
        super().__init__(why)
        self.port = port


@dataclass(frozen=True)
class Doors:
    """Where the proxy listens, and the folder of what a client has of its own."""

    ports: Mapping[str, int]
    folder: Path

    def open(self, door: str) -> Connection:
        """Connect as the words of a door say."""
        name, *words = door.split("+")
        options = dict(word.partition("=")[::2] for word in words)
        plain = self._reach(name)
        if prefix := _prefix(options):
            plain.sendall(prefix)
        if "tls" not in options:
            return Connection(plain, "")
        port = _port(plain)
        try:
            secured = self._context(options).wrap_socket(plain, server_hostname=options.get("sni", "localhost") or None)
        except OSError as error:
            raise RefusedError(getattr(error, "reason", None) or type(error).__name__, port) from error
        finally:
            plain.close()
        return Connection(secured, _told(secured))

    def _reach(self, name: str) -> socket.socket:
        kind, _, file = name.partition("@")
        if kind == "unix":
            local = socket.socket(socket.AF_UNIX)
            local.settimeout(PATIENCE)
            local.connect(str(self.folder / file))
            return local
        remote = socket.create_connection(("127.0.0.1", self.ports[name]), PATIENCE)
        remote.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return remote

    def _context(self, options: Mapping[str, str]) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if "alpn" in options:
            context.set_alpn_protocols(options["alpn"].split(","))
        if "as" in options:
            context.load_cert_chain(self.folder / options["as"])
        if "max" in options:
            context.maximum_version = _VERSIONS[options["max"]]
        if "min" in options:
            context.minimum_version = _VERSIONS[options["min"]]
        return context


class Connection:
    """What goes over it is bytes; `tls` tells what was agreed on."""

    def __init__(self, connected: socket.socket, tls: str) -> None:
        self._socket = connected
        self.port = _port(connected)
        self.tls = tls
        self.stream = Stream(lambda: self._socket.recv(65536))

    def patience(self, seconds: float) -> None:
        """Wait no longer than this for what comes next."""
        self._socket.settimeout(seconds)

    def send(self, data: bytes) -> None:
        """Write; whether the other side is still there shows when it is read from."""
        try:
            self._socket.sendall(data)
        except OSError:
            return

    def end(self) -> None:
        """Say that no more is to come."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with RST, once it is closed."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """End it."""
        self._socket.close()


def _port(connected: socket.socket) -> int | None:
    local = connected.getsockname()
    return local[1] if isinstance(local, tuple) else None


def _prefix(options: Mapping[str, str]) -> bytes:
    if source := options.get("proxy"):
        return f"PROXY TCP4 {source} {_TO} {_PORTS[0]} {_PORTS[1]}\r\n".encode()
    if source := options.get("proxy2"):
        addresses = socket.inet_aton(source) + socket.inet_aton(_TO) + struct.pack(">HH", *_PORTS)
        return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", len(addresses)) + addresses
    return b""


def _told(secured: ssl.SSLSocket) -> str:
    certificate = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    of = ",".join(names.get_values_for_type(x509.DNSName))
    return f"{secured.version()} alpn={secured.selected_alpn_protocol()} certificate={of}"
