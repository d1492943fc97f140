"""One port for everything: what speaks HTTP is served as HTTP, as `switch-mode http` says, and the rest passes by."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate, trusting
from support.edge import placed, running
from support.multiplexed import Multiplexed
from support.scripted import ScriptedServer
from tenbin.testing import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.edge import Placed
    from support.scripted import Peer

TEXT = """
defaults
  mode tcp
  timeout client 20s
  timeout server 20s
  timeout connect 20s
frontend plain
  bind *:80
  tcp-request inspect-delay 20s
  tcp-request content accept if { req.ssl_hello_type 1 }
  tcp-request content set-var(txn.first) str(first)
  tcp-request content switch-mode http if HTTP
  http-request set-header X-First %[var(txn.first)]
  http-response set-header X-Served as-http
  use_backend secure if { req.ssl_hello_type 1 }
  use_backend web if HTTP
  default_backend shell
frontend tls
  bind *:443 ssl crt /etc/haproxy/certs/server.pem alpn h2,http/1.1
  tcp-request inspect-delay 20s
  tcp-request content switch-mode http if { ssl_fc_alpn h2 } or HTTP
  http-response set-header X-Served as-http
  use_backend web if HTTP
  default_backend shell
frontend h2only
  bind *:81
  tcp-request content switch-mode http proto h2
  default_backend web
backend web
  mode http
  server w web:8000
backend shell
  server s shell:22
backend secure
  server s secure:443
"""
LONG = b"x" * 100_000


def answer(peer: Peer) -> None:
    """Say what was asked: the request line, the field that a rule has set, and how long the body was."""
    while head := peer.read_head().decode():
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        size = len(peer.read_exactly(int(fields.get("content-length", "0"))))
        body = f"{head.split()[1]} {fields.get('x-first', '-')} {size}"
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def echo(peer: Peer) -> None:
    peer.send(b"SSH-2.0-server\r\n")
    while data := peer.read():
        peer.send(data)


@pytest.fixture(scope="module")
def port_80(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Placed]:
    folder = tmp_path_factory.mktemp("switch")
    make_certificate(folder / "own.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")

    def secured(peer: Peer) -> None:
        with context.wrap_socket(peer.socket, server_side=True) as tls:
            tls.sendall(b"passed by " + tls.recv(100))

    with ScriptedServer(answer) as web, ScriptedServer(echo) as shell, ScriptedServer(secured) as secure:
        servers = {"web": web.port, "shell": shell.port, "secure": secure.port}
        with placed(TEXT, folder, servers) as config, running(config):
            yield config


def test_a_port_serves_shells_and_requests(port_80: Placed) -> None:
    with socket.create_connection(port_80.address("80"), 20) as shell:
        shell.sendall(b"SSH-2.0-client\r\n")
        assert read_until(shell, b"client\r\n") == b"SSH-2.0-server\r\nSSH-2.0-client\r\n"
        with Client(port_80.address("80")) as client:
            found = client.get("/one")
            assert (found.body, found.header("x-served")) == (b"/one first 0", "as-http")
            assert client.get("/two").body == b"/two first 0"
        shell.sendall(b"still there")
        assert read_until(shell, b"there") == b"still there"


def test_tls_passes_by_beside_requests(port_80: Placed) -> None:
    trusted = trusting(port_80.folder / "own.pem")
    with (
        socket.create_connection(port_80.address("80"), 20) as plain,
        trusted.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"hello")
        assert read_until(tls, b"hello") == b"passed by hello"


def test_what_was_looked_at_is_served(port_80: Placed) -> None:
    """The first bytes come one by one, and a body that is longer than what rules look at comes with its head."""
    with Client(port_80.address("80")) as client:
        client.send_bytewise(b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.read_response().body == b"/slow first 0"
    with Client(port_80.address("80")) as client:
        client.send(b"POST /long HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n" + LONG)
        assert client.read_response().body == b"/long first 100000"
        client.send(b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert [client.read_response().body for _ in range(2)] == [b"/a first 0", b"/b first 0"]


@pytest.mark.parametrize("place", ["80", "443", "81"])
def test_it_may_be_http2(place: str, port_80: Placed) -> None:
    trusted = None
    if place == "443":
        trusted = trusting(port_80.folder / "certs" / "server.pem")
        trusted.set_alpn_protocols(["h2"])
    with Multiplexed(port_80.address(place), trusted) as client:
        numbers = [client.ask("/a"), client.ask("/b", ("content-length", "50000"), method="POST", body=LONG[:50_000])]
        bodies = [bytes(client.wait(number).body) for number in numbers]
        # Each stream is judged for itself, as the connection was.
        name = b"first" if place == "80" else b"-"
        assert bodies == [b"/a " + name + b" 0", b"/b " + name + b" 50000"]


def test_what_is_ended_here_may_be_anything_too(port_80: Placed) -> None:
    trusted = trusting(port_80.folder / "certs" / "server.pem")
    for said, heard in (
        (b"GET /one HTTP/1.1\r\nHost: a.test\r\n\r\nGET /two HTTP/1.1\r\nHost: a.test\r\n\r\n", b"/two - 0"),
        (b"SSH-2.0-client\r\n", b"SSH-2.0-server\r\nSSH-2.0-client\r\n"),
    ):
        with (
            socket.create_connection(port_80.address("443"), 20) as plain,
            trusted.wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            tls.sendall(said)
            found = read_until(tls, heard[-8:])
            assert found.endswith(heard)
            assert (b"/one - 0" in found, b"as-http" in found) == ((True, True) if b"GET" in said else (False, False))


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Return what comes until it ends so."""
    found = b""
    while not found.endswith(end) and (data := connection.recv(1000)):
        found += data
    return found
