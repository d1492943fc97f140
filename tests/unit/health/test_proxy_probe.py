"""Checks of servers that want the PROXY protocol: what is sent, and that the real HAProxy and nginx understand it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from support.reference import HAPROXY, NGINX
from tenbin.health.result import CheckStatus
from tenbin.model import Protocol
from tenbin.testing import wait_for
from unit.health.support import http
from unit.health.ways import NAME, checked, issued, listening, reached, trusted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tenbin.health.result import Outcome
    from tenbin.model import ServerTls

pytestmark = pytest.mark.anyio
V2_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


@pytest.mark.parametrize("version", [1, 2])
async def test_the_header_comes_before_anything_else(version: int) -> None:
    begun: list[bytes] = []
    peers: list[tuple[str, int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername"))
        data = b""
        while not data.endswith(b"\r\n\r\n") or b"HTTP/1.1" not in data:
            data += await reader.readexactly(1)
        begun.append(data)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with listening(serve) as port:
        assert (await checked(reached(port, http(), proxy=version))).status is CheckStatus.L7OK
    line = f"PROXY TCP4 127.0.0.1 127.0.0.1 {peers[0][1]} {port}\r\n".encode()
    expected = line if version == 1 else V2_LOCAL
    assert begun[0].startswith(expected + b"GET /health HTTP/1.1\r\n")


async def test_a_tcp_check_sends_it_too() -> None:
    begun: list[bytes] = []
    came = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        begun.append(await reader.readexactly(len(V2_LOCAL)))
        came.set()

    async with listening(serve) as port:
        assert (await checked(reached(port, proxy=2))).status is CheckStatus.L4OK
    # The reset that ends a check may overtake the header; a reader that sees either is served well.
    assert begun in ([V2_LOCAL], [])


@contextmanager
def program(command: list[str], port: int, log: Path) -> Iterator[int]:
    """Run a server in the foreground until the end; yields its port once it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(lambda: _listens(port), 10)
            yield port
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


@contextmanager
def haproxy(folder: Path) -> Iterator[int]:
    port, file, pem = free_port(), folder / "haproxy.cfg", folder / "site.pem"
    issued(NAME).private_key_and_cert_chain_pem.write_to_path(str(pem))
    file.write_text(
        "defaults\n mode http\n timeout client 5s\n timeout connect 5s\n timeout server 5s\n"
        f"frontend web\n bind 127.0.0.1:{port} accept-proxy ssl crt {pem} alpn h2,http/1.1\n"
        " http-request return status 200 content-type text/plain lf-string from-%[src]\n"
    )
    with program([str(HAPROXY), "-db", "-f", str(file)], port, folder / "log") as listening_on:
        yield listening_on


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{}}\nhttp {{ access_log off; server {{ listen 127.0.0.1:{port} proxy_protocol;\n"
        'location / { return 200 "from-$proxy_protocol_addr"; } } }\n'
    )
    with program([str(NGINX), "-p", str(folder), "-c", str(file)], port, folder / "log") as listening_on:
        yield listening_on


async def told(port: int, version: int, expected: str, tls: ServerTls | None, protocol: Protocol) -> Outcome:
    return await checked(reached(port, http(body=expected), proxy=version, tls=tls, protocol=protocol))


@pytest.mark.skipif(HAPROXY is None, reason="there is no HAProxy")
@pytest.mark.parametrize("protocol", [Protocol.HTTP1, Protocol.HTTP2])
async def test_haproxy_understands_it_before_tls(tmp_path: Path, protocol: Protocol) -> None:
    tls = trusted(tmp_path)
    with haproxy(tmp_path) as port:
        for version in (1, 2):
            assert (await told(port, version, "from-127.0.0.1", tls, protocol)).status is CheckStatus.L7OK
        without = await told(port, 0, "", tls, protocol)
    assert without.status is CheckStatus.L6RSP


@pytest.mark.skipif(NGINX is None, reason="there is no nginx")
async def test_nginx_understands_it(tmp_path: Path) -> None:
    with nginx(tmp_path) as port:
        assert (await told(port, 1, "from-127.0.0.1", None, Protocol.HTTP1)).status is CheckStatus.L7OK
        # LOCAL tells of no client.
        assert (await told(port, 2, "from-", None, Protocol.HTTP1)).status is CheckStatus.L7OK
        assert (await told(port, 0, "", None, Protocol.HTTP1)).status is CheckStatus.L7RSP
