"""Nothing of one message shows in another: not its body, not its method, not its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.testing import Client, config_text
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer, Scripted

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_the_body_of_an_upgrade_does_not_enter_the_tunnel(scripted: Scripted) -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.read_exactly(5)
        peer.send(SWITCH)
        seen.append(peer.read_exactly(4))
        peer.send(b"done")

    with scripted.client(script) as client:
        client.send(request_bytes("POST", "/", UPGRADE, b"hello"))
        assert client.read_response().status == 101
        client.socket.sendall(b"ping")
        assert client.read_to_end() == b"done"
    assert seen == [b"ping"]


def test_a_switch_before_the_body_was_sent_is_refused(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(SWITCH)
        peer.hold()

    with scripted.client(script) as client:
        client.send(request_bytes("POST", "/", [*UPGRADE, ("Content-Length", "500000")]) + b"hello")
        assert client.read_response().status == 502


def test_a_refusal_after_head_has_its_body(scripted: Scripted) -> None:
    """What could not be read is no HEAD, whatever came before it on the connection."""
    with scripted.client() as client:
        client.send(request_bytes("HEAD", "/") + b"\x01 / HTTP/1.1\r\n\r\n")
        assert client.read_response("HEAD").status == 200
        answer = client.read_response()
        assert answer.status == 400
        assert answer.body


def test_a_small_body_does_not_cost_the_connection(start_tenbin: StartTenbin) -> None:
    """An answer of our own that drops a body which is all there may keep the connection, every time."""
    frontend = {"routes": [{"respond": {"status": 200, "body": "ok"}}]}
    tenbin = start_tenbin(config_text({"only": 1}, frontend=frontend))
    with Client(tenbin.address) as client:
        for body in (b"one", b"", b"three"):
            answer = client.request("POST", "/", body=body)
            assert (answer.status, answer.keep_alive) == (200, True)
