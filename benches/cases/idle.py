"""Idle connections: memory of a proxy for each client that has asked once and says nothing more."""

import socket
import ssl
from contextlib import ExitStack

from harness.certificates import certificate
from harness.clock import pause
from harness.figures import Figure, Row
from harness.proxies import NAMES, Scene
from harness.usage import resident_bytes

from cases.bench import Bench
from tenbin.testing import lease

CASE = "{:,} idle connections"
TLS = "{:,} idle TLS connections"
_REQUEST = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n"
_SETTLE = 0.5


def measure(bench: Bench) -> list[Row]:
    """Few and many; a fresh proxy for each, since one keeps the memory of connections that have ended."""
    counts = (2000,) if bench.quick else (2000, 8000)
    return [*(_row(bench, count) for count in counts), _row(bench, 2000, tls=True)]


def _row(bench: Bench, count: int, *, tls: bool = False) -> Row:
    figures = {}
    for name in NAMES:
        if not bench.yard.missing(name, "http") and not (tls and name == "relay"):
            figures[name] = Figure((_memory(bench, name, count, tls=tls),))
    return Row((TLS if tls else CASE).format(count), "KiB/connection", figures)


def _memory(bench: Bench, name: str, count: int, *, tls: bool) -> float:
    with lease(1) as ports, ExitStack() as stack:
        file = certificate(bench.yard.folder / "localhost.pem") if tls else None
        context = ssl.create_default_context(cafile=file) if tls else None
        scene = Scene(ports.ports[0], (f"127.0.0.1:{bench.server}",), certificate=file)
        proxy = stack.enter_context(bench.yard.start(name, scene))
        before = resident_bytes(proxy.pids)
        for _ in range(count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=10))
            if context:
                sock = stack.enter_context(context.wrap_socket(sock, server_hostname="localhost"))
            sock.sendall(_REQUEST)
            if not sock.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{name} did not answer connection after connection")
        pause(_SETTLE)
        return (resident_bytes(proxy.pids) - before) / count / 1024
