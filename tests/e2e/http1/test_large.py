"""Much at once: long pipelines, and large bodies both ways in little memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from support.kernel import resident
from support.scripted import ScriptedServer
from tenbin.testing import Client, config_text
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

MIB = 1024 * 1024
BLOCK = bytes(range(256)) * 4096
CHUNK = b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK)
COUNT = 64
DIGEST = hashlib.sha256(BLOCK * COUNT).hexdigest()


def digest(peer: Peer) -> None:
    """Answer with the digest of the body, keeping none of it."""
    while head := peer.read_head().lower():
        total, chunked = hashlib.sha256(), b"chunked" in head
        left = COUNT * (len(CHUNK) if chunked else len(BLOCK))
        if b"post" not in head:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % left)
            for _ in range(COUNT):
                peer.send(BLOCK)
            continue
        data = bytes(peer.received[peer._parsed :])
        while left > 0:
            total.update(data)
            left -= len(data)
            if left > 0 and not (data := peer.socket.recv(min(left, MIB))):
                return
        text = total.hexdigest().encode()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
        peer.received.clear()
        peer._parsed = 0


def unchunked(peer: Peer) -> None:
    """Read a chunked body however it was cut, and answer with the digest of what it carried."""
    peer.read_head()
    total = hashlib.sha256()
    data = bytearray(peer.received[peer._parsed :])
    while True:
        while b"\r\n" not in data:
            data += peer.socket.recv(MIB)
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            break
        data = rest
        while len(data) < length + 2:
            data += peer.socket.recv(MIB)
        total.update(data[:length])
        del data[: length + 2]
    text = total.hexdigest().encode()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


class Peak:
    """The memory of a data plane while a body passes; asked between blocks, since the kernel keeps no lower mark."""

    def __init__(self, tenbin: Tenbin) -> None:
        self._pid = tenbin.dataplane_pid
        self._before = resident(self._pid)
        self.growth = 0

    def look(self) -> None:
        self.growth = max(self.growth, resident(self._pid) - self._before)


@pytest.fixture
def large() -> Iterator[tuple[Tenbin, ScriptedServer]]:
    from tenbin.testing import Tenbin

    with ScriptedServer(digest) as server, Tenbin(config_text({"only": server.port})) as tenbin:
        yield tenbin, server


def test_64_mib_go_up_and_down_in_little_memory(large: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = large
    peak = Peak(tenbin)
    with Client(tenbin.address, 30) as client:
        client.send(request_bytes("POST", "/up", [("Content-Length", str(COUNT * len(BLOCK)))]))
        for _ in range(COUNT):
            client.socket.sendall(BLOCK)
            peak.look()
        assert client.read_response().body.decode() == DIGEST
    server.script = unchunked
    with Client(tenbin.address, 30) as client:
        client.send(request_bytes("POST", "/up", [("Transfer-Encoding", "chunked"), ("Connection", "close")]))
        for _ in range(COUNT):
            client.socket.sendall(CHUNK)
            peak.look()
        client.socket.sendall(b"0\r\n\r\n")
        assert client.read_response().body.decode() == DIGEST
    server.script = digest
    with Client(tenbin.address, 30) as client:
        client.send(request_bytes("GET", "/down", [("Connection", "close")]))
        total, head = hashlib.sha256(), client.receive()
        while b"\r\n\r\n" not in head:
            head += client.receive()
        total.update(head.partition(b"\r\n\r\n")[2])
        while data := client.receive():
            total.update(data)
            peak.look()
        assert total.hexdigest() == DIGEST
    assert peak.growth < 8 * MIB, f"{peak.growth / MIB:.1f} MiB more"


def test_a_hundred_requests_in_one_write(web: Tenbin) -> None:
    with web.client() as client:
        client.send(b"".join(request_bytes("GET", f"/bytes?n={i}") for i in range(100)))
        assert [len(client.read_response().body) for _ in range(100)] == list(range(100))
        assert client.get("/api/fast").status == 200


def test_a_hundred_requests_with_bodies_in_one_write(web: Tenbin) -> None:
    with web.client() as client:
        client.send(b"".join(request_bytes("POST", "/echo", body=b"%d" % i) for i in range(100)))
        assert [client.read_response().json()["body"] for _ in range(100)] == [str(i) for i in range(100)]


def test_a_pipeline_of_http_1_0_goes_on_while_both_want_it(web: Tenbin) -> None:
    one = b"GET /api/fast HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
    with web.client() as client:
        client.send(one * 20 + b"GET /api/fast HTTP/1.0\r\nHost: a\r\n\r\n")
        assert [client.read_response().status for _ in range(21)] == [200] * 21
        assert client.read_to_end() == b""


def test_an_error_in_a_pipeline_answers_what_came_before(web: Tenbin) -> None:
    with web.client() as client:
        client.send(request_bytes("GET", "/api/fast") * 3 + b"nonsense\r\n\r\n" + request_bytes("GET", "/api/fast"))
        assert [client.read_response().status for _ in range(4)] == [200, 200, 200, 400]
        assert client.read_to_end() == b""


def test_the_demo_servers_of_a_worker_are_all_used_by_one_pipeline(web: Tenbin, trio: Servers) -> None:
    with web.client() as client:
        client.send(request_bytes("GET", "/api/whoami") * 30)
        assert {client.read_response().server for _ in range(30)} == set(trio.ports)
