"""Servers that people run speak HTTP/2 with Tenbin: nghttpd, and nginx with TLS and without."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate
from support.reference import NGINX, nginx
from tenbin.testing import Lease, Process, Tenbin, config_text, fetch

from .conftest import TIMEOUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin

BIG = bytes(range(256)) * 20_000
NGHTTPD = shutil.which("nghttpd", path="/usr/sbin:/usr/bin")


@pytest.fixture
def site() -> Iterator[Path]:
    """A folder of files to serve, which a server that has given up its rights can read, too."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "big").write_bytes(BIG)
        (folder / "small").write_text("small")
        yield folder


@pytest.fixture
def port() -> Iterator[int]:
    with Lease(1) as lease:
        yield lease.ports[0]


def check(tenbin: Tenbin) -> None:
    """Ask for files in all the ways that clients do."""
    with tenbin.client() as client:
        assert client.get("/small").body == b"small"
        answer = client.get("/big")
        assert (answer.status, answer.body) == (200, BIG)
        head = client.request("HEAD", "/big")
        assert (head.status, head.header("content-length"), head.body) == (200, str(len(BIG)), b"")
        dated = ("If-Modified-Since", head.header("last-modified"))
        answer = client.get("/big", dated)
        assert (answer.status, answer.body) == (304, b"")
        assert client.get("/none").status == 404
        assert client.get("/small").body == b"small"
    traffic = tenbin.server("app/only")["traffic"]
    assert (traffic["connects"], traffic["reuses"]) == (1, 5)


@pytest.mark.skipif(NGHTTPD is None, reason="nghttpd is not installed")
def test_nghttpd(start_tenbin: StartTenbin, site: Path, port: int, tmp_path: Path) -> None:
    command = (NGHTTPD or "", "--no-tls", "--address=127.0.0.1", "-d", str(site), "--echo-upload", str(port))
    with Process("nghttpd", command, tmp_path) as process:
        process.wait_ready(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True)
        tenbin = start_tenbin(config_text({"only": port}, {"protocol": "http2"}, threads=1, timeouts=TIMEOUTS))
        check(tenbin)
        answer = fetch(tenbin.address, "/echo", method="POST", body=BIG)
        assert (answer.status, answer.body) == (200, BIG)


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_nginx(start_tenbin: StartTenbin, site: Path, port: int, tmp_path: Path) -> None:
    config = f"server {{ listen 127.0.0.1:{port} http2; root {site}; }}"
    with nginx(config, tmp_path, [port]):
        check(start_tenbin(config_text({"only": port}, {"protocol": "http2"}, threads=1, timeouts=TIMEOUTS)))


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
@pytest.mark.parametrize("protocol", ["http2", "auto"])
@pytest.mark.parametrize("offered", ["ssl http2", "ssl"])
def test_what_is_spoken_over_tls_is_agreed_on(
    start_tenbin: StartTenbin, site: Path, port: int, tmp_path: Path, protocol: str, offered: str
) -> None:
    """ALPN decides: `auto` takes what there is, `http2` insists."""
    file = make_certificate(tmp_path / "server.pem")
    pem = f"ssl_certificate {file}; ssl_certificate_key {file};"
    log = f"log_format p $server_protocol; server {{ access_log {tmp_path}/log p;"
    config = f"{log} listen 127.0.0.1:{port} {offered}; {pem} root {site}; }}"
    with nginx(config, tmp_path, [port]):
        backend = {"protocol": protocol, "tls": {"verify": False}}
        tenbin = start_tenbin(config_text({"only": port}, backend, threads=1, timeouts=TIMEOUTS))
        if (protocol, offered) == ("http2", "ssl"):
            assert tenbin.get("/small").status == 502
        else:
            check(tenbin)
            spoken = set((tmp_path / "log").read_text().split())
            assert spoken == {"HTTP/2.0" if "http2" in offered else "HTTP/1.1"}
