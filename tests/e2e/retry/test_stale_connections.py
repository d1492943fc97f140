"""A pooled connection that has died costs nothing: the request goes out again whole, on a new one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, ScriptedServer
from tenbin.testing import Client, config_text
from tenbin.testing.client import chunked, request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from tenbin.testing import Tenbin

BODY = bytes(range(256)) * 400


class Dying(ScriptedServer):
    """Answers one request a connection; while `armed`, resets connections on the second one's first bytes."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.size = 0
        self.died = threading.Event()
        super().__init__(self._serve)

    def _serve(self, peer: Peer) -> None:
        while head := peer.read_head():
            if b"PUT" in head and peer.number == 0:
                self.died.set()
                peer.reset()
                return
            if b"chunked" in head:
                self.bodies.append(peer.read_until(b"0\r\n\r\n"))
            elif b"PUT" in head:
                self.bodies.append(peer.read_exactly(self.size))
            peer.send(OK)


@pytest.fixture
def dying() -> Iterator[Dying]:
    with Dying() as server:
        yield server


def tenbin_of(start_tenbin: StartTenbin, dying: Dying) -> Tenbin:
    backend = {"pool": {"reuse": "always"}, "retry": {"budget": "100%"}}
    return start_tenbin(config_text({"only": dying.port}, backend, threads=1, timeouts={"server": "3s"}))


def test_a_body_that_was_partly_read_goes_out_whole(start_tenbin: StartTenbin, dying: Dying) -> None:
    """The reset comes while the first piece is on its way and most of the body is still at the client."""
    tenbin = tenbin_of(start_tenbin, dying)
    dying.size = len(BODY)
    with Client(tenbin.address) as client:
        assert client.get("/").status == 200
        client.send(request_bytes("PUT", "/", [("Content-Length", str(len(BODY)))]) + BODY[:100])
        assert dying.died.wait(5)
        client.socket.sendall(BODY[100:])
        answer = client.read_response()
    # Once bytes have left the buffer nothing can be repeated; a truncated repetition must never be.
    assert answer.status in (200, 502)
    assert dying.bodies in ([BODY], [])


def test_the_client_keeps_its_connection(start_tenbin: StartTenbin, dying: Dying) -> None:
    tenbin = tenbin_of(start_tenbin, dying)
    dying.size = 5
    with Client(tenbin.address) as client:
        assert client.get("/").status == 200
        answer = client.request("PUT", "/", body=b"hello")
        assert (answer.status, answer.keep_alive) == (200, True)
        assert client.request("PUT", "/", body=b"again").status == 200
    assert dying.bodies == [b"hello", b"again"]


def test_chunks_are_repeated_whole(start_tenbin: StartTenbin, dying: Dying) -> None:
    tenbin = tenbin_of(start_tenbin, dying)
    with Client(tenbin.address) as client:
        assert client.get("/").status == 200
        client.send(request_bytes("PUT", "/", [("Transfer-Encoding", "chunked")]) + chunked(b"hello"))
        assert client.read_response().status == 200
    assert dying.bodies == [b"5\r\nhello\r\n0\r\n\r\n"]
