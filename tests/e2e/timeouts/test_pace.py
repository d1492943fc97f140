"""A client that is waited for has to keep a pace; a server that is waited for may take its time."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer, answering
from tenbin.clock import SystemClock
from tenbin.testing import Client, Tenbin, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer

CLOCK = SystemClock()
BODY = request_bytes("PUT", "/", [("Content-Length", "100000")])


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(answering()) as server:
        yield server


@pytest.fixture(scope="module")
def paced(server: ScriptedServer) -> Iterator[Tenbin]:
    """100 bytes a second over each second."""
    with Tenbin(config_text({"only": server.port}, {"pool": "never"}, timeouts={"client": "1s"})) as tenbin:
        yield tenbin


def drip(client: Client, piece: bytes, seconds: float) -> None:
    """Send a piece now and then for so long, or until the other side has had enough."""
    end = CLOCK.now() + seconds

    def done() -> bool:
        try:
            client.socket.sendall(piece)
        except OSError:
            return True
        return CLOCK.now() >= end or has_ended(client)

    wait_for(done, seconds + 5)


def has_ended(client: Client) -> bool:
    """Whether the other side has closed or reset, whatever came before that."""
    poll = select.poll()
    poll.register(client.socket, select.POLLRDHUP)
    return bool(poll.poll(0))


def test_a_body_byte_by_byte_is_408(paced: Tenbin, server: ScriptedServer) -> None:
    server.script = hold
    with Client(paced.address, timeout=5) as client:
        begin = CLOCK.now()
        client.send(BODY)
        drip(client, b"x", 5)
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (408, "body-timeout")
        assert 0.9 <= CLOCK.now() - begin <= 2


def test_a_body_at_the_pace_is_waited_for(paced: Tenbin, server: ScriptedServer) -> None:
    server.script = hold
    with Client(paced.address, timeout=5) as client:
        client.send(request_bytes("PUT", "/", [("Content-Length", "3000000")]))
        drip(client, b"x" * 100, 2.5)
        assert not has_ended(client)


def test_an_answer_taken_byte_by_byte_ends(paced: Tenbin, server: ScriptedServer) -> None:
    server.script = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + bytes(20_000_000))
    with Client(paced.address, timeout=5, receive_buffer=2048) as client:
        begin = CLOCK.now()
        client.send(request_bytes("GET", "/"))

        def ended() -> bool:
            with contextlib.suppress(OSError):
                client.socket.recv(1, socket.MSG_DONTWAIT)
            return has_ended(client)

        wait_for(ended, 5, "the connection ends")
        assert CLOCK.now() - begin <= 3


def test_a_slow_stream_of_events_lives(paced: Tenbin, server: ScriptedServer) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        begin = CLOCK.now()

        def sent() -> bool:
            peer.send(b"\n")
            return CLOCK.now() - begin > 2.5

        wait_for(sent, 10)
        peer.send(b"end")

    server.script = script
    with Client(paced.address, timeout=6) as client:
        client.send(request_bytes("GET", "/"))
        assert client.read_response().body.endswith(b"end")


def test_without_a_rate_a_byte_now_and_then_is_enough(server: ScriptedServer) -> None:
    server.script = hold
    text = config_text({"only": server.port}, timeouts={"client": "1s"}, limits={"min_rate": 0})
    with Tenbin(text) as tenbin, Client(tenbin.address, timeout=5) as client:
        client.send(BODY)
        drip(client, b"x", 2.5)
        assert not has_ended(client)


def hold(peer: Peer) -> None:
    """Read the head and whatever comes, and say nothing."""
    peer.read_head()
    peer.hold()
