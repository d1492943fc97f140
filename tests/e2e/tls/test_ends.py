"""How connections in TLS end: what says nothing, what says nothing of use, and what breaks off."""

from __future__ import annotations

import socket
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.certificates import OPENSSL, client_hello, make_certificate, trusting
from support.scripted import OK, Peer, ScriptedServer
from tenbin.clock import SystemClock
from tenbin.testing import Client, ExchangeError, Tenbin, config_text, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Servers

CLOCK = SystemClock()
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "site.pem")


def secure(servers: object, site: Path, **top: object) -> Tenbin:
    listen = [{"address": "{listen}", "tls": str(site)}]
    return Tenbin(config_text(servers, None, {"listen": listen}, **top))


def test_a_stop_waits_for_no_handshake(trio: Servers, site: Path) -> None:
    patient = {"handshake": "60s", "header": "60s"}
    with secure(trio.first(1), site, timeouts=patient) as tenbin:
        silent = [socket.create_connection(tenbin.address) for _ in range(5)]
        for half in silent[2:]:
            half.sendall(client_hello()[:40])
        begun = CLOCK.now()
        assert tenbin.stop() == 0
        assert CLOCK.now() - begun < 5
        for one in silent:
            one.close()


def test_a_stop_waits_for_nobody_who_has_asked_for_nothing(trio: Servers, site: Path) -> None:
    patient = {"handshake": "60s", "header": "60s", "keep_alive": "60s"}
    with secure(trio.first(1), site, timeouts=patient) as tenbin:
        clients = [
            trusting(site, *offered).wrap_socket(socket.create_connection(tenbin.address), server_hostname="localhost")
            for offered in (("h2",), ("h2",), ("http/1.1",))
        ]
        # Of a preface that never becomes whole.
        clients[1].sendall(b"PRI * HTTP/2")
        begun = CLOCK.now()
        assert tenbin.stop() == 0
        assert CLOCK.now() - begun < 5
        for one in clients:
            one.close()


@pytest.mark.parametrize("line", ["Connection: close\r\n", ""], ids=["asked to", "idle"])
def test_the_end_of_a_connection_is_said(trio: Servers, site: Path, line: str) -> None:
    with secure(trio.first(1), site, timeouts={"keep_alive": "1s"}) as tenbin:
        plain = socket.create_connection(tenbin.address, 10)
        with trusting(site).wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as client:
            client.sendall(b"GET /api/whoami HTTP/1.1\r\nHost: a\r\n" + line.encode() + b"\r\n")
            while client.recv(65536):
                pass


def test_messages_of_tls_keep_no_connection_alive(trio: Servers, site: Path) -> None:
    with secure(trio.first(1), site, timeouts={"keep_alive": "1s"}) as tenbin:
        host, port = tenbin.address
        command = (OPENSSL or "openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_3")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, bufsize=0, **pipes) as client:  # type: ignore[call-overload]
            client.stdin.write(b"GET /api/whoami HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: tenbin.status()["frontends"][0]["traffic"]["requests"] == 1, 5)

            def is_over() -> bool:
                # A key update, many times in the second that the connection may be idle.
                try:
                    client.stdin.write(b"k\n")
                except BrokenPipeError:
                    return True
                return client.poll() is not None

            wait_for(is_over, 4)
            client.kill()


@pytest.mark.parametrize("polite", [True, False])
def test_an_answer_that_ends_without_a_word_is_not_whole(site: Path, *, polite: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site)

    def script(peer: Peer) -> None:
        with context.wrap_socket(peer.socket, server_side=True) as tls:
            while b"\r\n\r\n" not in tls.recv(65536):
                pass
            tls.sendall(UNTIL_CLOSE + b"half of it")
            if polite:
                tls.unwrap()

    with ScriptedServer(script) as server:
        servers = {"only": {"port": server.port, "tls": {"ca": str(site), "sni": "localhost"}}}
        with Tenbin(config_text(servers)) as tenbin, Client(tenbin.address) as client:
            if polite:
                assert client.get("/").body == b"half of it"
            else:
                with pytest.raises(ExchangeError):
                    client.get("/")


def test_tickets_are_no_early_answer(site: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site)
    body = b"x" * 300_000

    def script(peer: Peer) -> None:
        with context.wrap_socket(peer.socket, server_side=True) as tls:
            while True:
                received = b""
                while len(received.partition(b"\r\n\r\n")[2]) < len(body):
                    more = tls.recv(65536)
                    if not more:
                        return
                    received += more
                tls.sendall(OK)

    with ScriptedServer(script) as server:
        servers = {"only": {"port": server.port, "tls": {"ca": str(site), "sni": "localhost"}}}
        with Tenbin(config_text(servers, threads=1)) as tenbin, Client(tenbin.address) as client:
            for _ in range(4):
                assert client.request("PUT", "/", body=body).status == 200
        assert len(server.peers) == 1


def test_an_answer_without_a_length_that_breaks_off_is_no_whole_one() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    with (
        ScriptedServer(script) as server,
        Tenbin(config_text({"only": server.port})) as tenbin,
        Client(tenbin.address) as client,
    ):
        client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        with pytest.raises(ExchangeError):
            client.read_to_end()
