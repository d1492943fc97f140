"""Every timeout fires when it should, says why, and not before."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tenbin.clock import SystemClock
from tenbin.testing import Client, config_text, lease, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer, Scripted
    from support.servers import Servers

CLOCK = SystemClock()


class Timer:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begin = CLOCK.now()

    def __call__(self) -> float:
        return CLOCK.now() - self._begin


def test_a_head_that_does_not_end_is_a_408(scripted: Scripted) -> None:
    with scripted.client() as client:
        timer = Timer()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (408, "header-timeout")
        assert 0.8 < timer() < 3
        assert client.read_to_end() == b""


def test_the_deadline_of_a_head_is_absolute(scripted: Scripted) -> None:
    with scripted.client() as client:
        timer = Timer()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        wait_for(lambda: _drip(client), 5, "the drip is answered")
        assert client.read_response().status == 408
        assert timer() < 3


def test_a_body_that_stalls_is_a_408(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.hold()

    with scripted.client(script) as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "10")]) + b"hel")
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) in ((408, "body-timeout"), (504, "server-timeout"))


def test_a_server_that_says_nothing_is_a_504(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.hold()

    with scripted.client(script) as client:
        timer = Timer()
        answer = client.get("/")
        assert (answer.status, answer.header("tenbin-reason")) == (504, "server-timeout")
        assert 0.8 < timer() < 4
        assert answer.body


def test_a_slow_but_steady_answer_is_not_cut(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for i in range(6):
            peer.closed.wait(0.3)
            peer.send(b"%d" % i)

    with scripted.client(script) as client:
        assert client.get("/").body == b"012345"


def test_an_idle_connection_is_closed_without_a_word(scripted: Scripted) -> None:
    with scripted.client() as client:
        assert client.get("/").status == 200
        timer = Timer()
        assert client.read_to_end() == b""
        assert 0.7 < timer() < 4


def test_an_unused_connection_is_closed(scripted: Scripted) -> None:
    with scripted.client() as client:
        data = client.read_to_end()
        assert data == b"" or data.startswith(b"HTTP/1.1 408")


@pytest.fixture
def full() -> Iterator[int]:
    """A port that is listened on, and where no connection is taken any more."""
    with lease() as own, socket.socket() as listener:
        listener.bind(("127.0.0.1", own.ports[0]))
        listener.listen(0)
        blockers = []
        for _ in range(4):
            blocker = socket.socket()
            blocker.setblocking(False)
            blocker.connect_ex(("127.0.0.1", own.ports[0]))
            blockers.append(blocker)
        yield own.ports[0]
        for blocker in blockers:
            blocker.close()


def test_a_server_that_does_not_take_the_connection(start_tenbin: StartTenbin, full: int) -> None:
    tenbin = start_tenbin(config_text({"full": full}, timeouts={"connect": "400ms"}))
    timer = Timer()
    answer = tenbin.get()
    assert (answer.status, answer.header("tenbin-reason")) == (504, "connect-timeout")
    assert 0.3 < timer() < 3


def test_another_server_takes_over_after_a_connect_timeout(start_tenbin: StartTenbin, full: int, trio: Servers) -> None:
    ports = {"full": full, "good": trio.port("server1")}
    tenbin = start_tenbin(config_text(ports, timeouts={"connect": "300ms"}))
    assert {tenbin.get().status for _ in range(4)} == {200}


def test_a_tunnel_ends_when_it_is_idle(start_tenbin: StartTenbin, trio: Servers) -> None:
    timeouts = {"tunnel": "700ms", "client": "300ms", "server": "300ms"}
    tenbin = start_tenbin(config_text(trio.first(1), timeouts=timeouts))
    headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    with Client(tenbin.address) as client:
        assert client.request("GET", "/ws", headers).status == 101
        timer = Timer()
        assert client.read_to_end() == b""
        assert 0.5 < timer() < 3


def test_timeouts_of_a_backend_win(start_tenbin: StartTenbin, trio: Servers) -> None:
    backend = {"timeouts": {"server": "200ms"}}
    tenbin = start_tenbin(config_text(trio.first(1), backend, timeouts={"server": "30s"}))
    assert tenbin.get("/api/slow").status == 504
    assert tenbin.get("/api/fast").status == 200


def test_a_client_that_stops_reading_is_given_up(scripted: Scripted) -> None:
    ended = []

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.socket.settimeout(15)
        try:
            peer.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100_000_000)
        except OSError as error:
            ended.append(type(error))

    with scripted.client(script) as client:
        client.send(request_bytes("GET", "/"))
        wait_for(lambda: ended, 12, "the server is let go")
    assert TimeoutError not in ended


def _drip(client: Client) -> bool:
    """Send a byte; true when the other side has something to say or has gone."""
    if client.readable():
        return True
    client.socket.sendall(b"x")
    return False
