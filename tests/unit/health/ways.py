"""What tests of checks over TLS and HTTP/2 share: an authority, certificates, servers, targets that are reached so."""

from __future__ import annotations

import asyncio
import os
import socket
import socketserver
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import trustme

from tenbin.health.probe import Probes
from tenbin.health.target import Target, Way
from tenbin.model import Address, Certificate, Health, Protocol, SendProxy, ServerId, ServerTls, TlsSuite
from unit.health.support import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from tenbin.health.result import Outcome
    from tenbin.model import Probe

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

NAME = "app.example"


@cache
def authority() -> trustme.CA:
    """The one that servers' certificates are signed by."""
    return trustme.CA()


@cache
def issued(*names: str, days: int = 30) -> trustme.LeafCert:
    """A certificate that ends in so many days; one that has expired began a year ago."""
    now = datetime.now(tz=UTC)  # noqa: TID251 - certificates are of this time
    return authority().issue_cert(*names, not_before=now - timedelta(days=365), not_after=now + timedelta(days=days))


def serving(certificate: trustme.LeafCert | None = None, *alpn: str) -> ssl.SSLContext:
    """The side of a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (certificate or issued(NAME, "127.0.0.1")).configure_cert(context)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def trusted(directory: Path, **settings: object) -> ServerTls:
    """TLS that trusts the authority, with the server's name unless told otherwise."""
    file = directory / "authority.pem"
    authority().cert_pem.write_to_path(str(file))
    fields = {"verify": True, "ca": str(file), "crl": "", "sni": NAME, "certificate": None, "suite": TlsSuite()}
    return ServerTls(**{**fields, "stamp": "", **settings})  # type: ignore[arg-type]


def client_certificate(directory: Path) -> Certificate:
    file = directory / "client.pem"
    authority().issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(str(file))
    return Certificate(str(file), str(file), "", "")


def reached(
    port: int,
    probe: Probe | None = None,
    *,
    tls: ServerTls | None = None,
    proxy: int = 0,
    protocol: Protocol = Protocol.HTTP1,
    timeout: int = 20_000,
) -> Target:
    """A server on this port of this machine and the way to it; `proxy` is a version, 0 for none."""
    way = Way(tls, SendProxy(proxy, tls=False) if proxy else None, protocol)
    how = check(probe, timeout=timeout)
    return Target(ServerId("app", "s1"), Address("127.0.0.1", port), how, Health.UNKNOWN, way)


async def checked(target: Target) -> Outcome:
    """Check once."""
    return await Probes()(target)


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve connections with a function; yields the port."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=context) as listener:
        yield listener.sockets[0].getsockname()[1]


def saying(*pieces: bytes, seen: list[bytes] | None = None) -> Serve:
    """Wait for a request's head, then say these pieces, then wait for the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        await reader.read()

    return serve


@contextmanager
def refusing(context: ssl.SSLContext) -> Iterator[int]:
    """Answer each connection 200 after its handshake, on threads: asyncio's servers say no alerts; yields the port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            stream = context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            with stream, suppress(OSError):
                try:
                    stream.do_handshake()
                except ssl.SSLError:
                    _let_the_alert_arrive(stream)
                    return
                stream.recv(1000)
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def _let_the_alert_arrive(stream: ssl.SSLSocket) -> None:
    """Take what the client still sends: closing on it would be a reset, which overtakes the alert."""
    with socket.socket(fileno=os.dup(stream.fileno())) as plain:
        plain.shutdown(socket.SHUT_WR)
        while plain.recv(4096):
            pass


async def quiet(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Say nothing until the end."""
    await reader.read()
