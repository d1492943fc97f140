"""A client that stalls is given up in every phase: nothing that it holds is held for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.scripted import ScriptedServer, answering
from tenbin.testing import Client, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer, Scripted

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_client_that_does_not_read_an_answer_of_our_own(start_tenbin: StartTenbin) -> None:
    """The first write takes some of it; what is left must not wait for ever."""
    frontend = {"routes": [{"respond": {"status": 200, "body": "x" * 8_000_000}}]}
    text = config_text({"only": 1}, frontend=frontend, timeouts={"client": "500ms", "keep_alive": "500ms"})
    tenbin = start_tenbin(text)
    with Client(tenbin.address, receive_buffer=4096) as client:
        client.send(request_bytes("GET", "/"))
        wait_for(lambda: tenbin.status()["frontends"][0]["traffic"]["requests"] == 1, 5)
        wait_for(lambda: tenbin.status()["frontends"][0]["traffic"]["current"] == 0, 5, "the connection ends")


def test_a_client_that_sends_nothing_after_100(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(CONTINUE)
        peer.hold()

    with scripted.client(script, timeout=6) as client:
        client.send(request_bytes("PUT", "/", [("Expect", "100-continue"), ("Content-Length", "5")]))
        assert client.read_interim().status == 100
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (408, "body-timeout")


def test_a_client_that_stalls_after_100_and_103(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(CONTINUE + b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        peer.hold()

    with scripted.client(script, timeout=6) as client:
        client.send(request_bytes("PUT", "/", [("Expect", "100-continue"), ("Content-Length", "5")]))
        assert client.read_interim().status == 100
        client.socket.sendall(b"ab")
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (408, "body-timeout")


def test_the_client_timeout_holds_after_its_listener_is_gone(start_tenbin: StartTenbin) -> None:
    """A request that is under way when a reload takes its listener away keeps the timeouts that it began with."""

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.hold()

    with ScriptedServer(answering()) as server:
        server.script = script
        timeouts = {"client": "1500ms", "server": "1500ms"}
        listen = {"listen": ["{listen}", "{listen2}"]}
        tenbin = start_tenbin(config_text({"only": server.port}, frontend=listen, timeouts=timeouts))
        with Client(tenbin.address_of("listen2"), timeout=6) as client:
            client.send(request_bytes("PUT", "/", [("Content-Length", "100000")]) + b"ab")
            server.wait_peer()
            tenbin.write(config_text({"only": server.port}, timeouts=timeouts))
            tenbin.run_cli("reload")
            client.socket.sendall(b"cd")
            assert client.read_response().status in (408, 504)
