"""WebSocket and other upgrades: a tunnel after a 101 that the client asked for, and only then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import websockets
from websockets.sync.client import connect

from support.scripted import once
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support.scripted import Peer, Scripted
    from tenbin.testing import Tenbin

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def test_websocket_messages_of_all_sizes(web: Tenbin) -> None:
    with connect(f"ws://127.0.0.1:{web.address[1]}/ws", max_size=None) as peer:
        for message in ("hello", b"x" * 1_000_000, "", b"y" * 70_000):
            peer.send(message)
            assert peer.recv(5) == message
        assert peer.ping().wait(5)


def test_many_websockets_at_once(web: Tenbin) -> None:
    async def talk(number: int) -> None:
        async with websockets.connect(f"ws://127.0.0.1:{web.address[1]}/ws") as peer:
            for i in range(10):
                await peer.send(f"{number} {i}")
                assert await peer.recv() == f"{number} {i}"

    async def all_of_them() -> None:
        await asyncio.gather(*(talk(number) for number in range(50)))

    asyncio.run(all_of_them())


def test_bytes_around_the_101_are_not_lost(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(SWITCH + b"welcome")
        peer.send(peer.read_exactly(4))

    with scripted.client(script) as client:
        client.send(request_bytes("GET", "/", UPGRADE))
        assert client.read_response().status == 101
        client.socket.sendall(b"ping")
        assert client.read_to_end() == b"welcomeping"


def test_nothing_is_sent_through_before_the_101(scripted: Scripted) -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with scripted.client(once(refusal)) as client:
        client.send(request_bytes("GET", "/", UPGRADE) + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_response().status == 400
    assert b"smuggled" not in bytes(scripted.server.peers[0].received)


def test_a_101_nobody_asked_for_is_a_502(scripted: Scripted) -> None:
    with scripted.client(once(SWITCH)) as client:
        answer = client.get("/")
    assert answer.status == 502
    assert answer.header("tenbin-reason")


def test_a_101_to_another_protocol_is_a_502(scripted: Scripted) -> None:
    with scripted.client(once(SWITCH.replace(b"websocket", b"h2c"))) as client:
        assert client.request("GET", "/", UPGRADE).status == 502
    with scripted.client(once(SWITCH.replace(b"websocket", b"other/1"))) as client:
        answer = client.request("GET", "/", UPGRADE)
    assert answer.status == 502
    assert answer.header("tenbin-reason")


def test_h2c_is_not_passed_on(scripted: Scripted) -> None:
    with scripted.client() as client:
        headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAAA")]
        assert client.request("GET", "/", headers).status == 200
    received = scripted.server.received.lower()
    assert b"h2c" not in received
    assert b"http2-settings" not in received
