"""Long bodies go through pipes of a worker that are used again and again: no byte of one body gets into another."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from faults.harness.bulk import Receiver
from support.scripted import OK, ScriptedServer
from tenbin.testing import Client, config_text, fetch, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin
    from tenbin.testing.client import Address

BLOCK = bytes(range(32, 127)) * 690
"""What the demo server's /bytes repeats."""

LONG = 1_500_001
"""More than all buffers on the way hold when nobody reads."""

PIPES = 32
"""How many a worker has."""


def expected(size: int) -> bytes:
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


def ask(address: Address, size: int) -> socket.socket:
    """Ask for many bytes through a small window, and read nothing yet."""
    one = socket.socket()
    one.settimeout(20)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.connect(address)
    one.sendall(request_bytes("GET", f"/bytes?n={size}", [("Connection", "close")]))
    return one


def body_of(one: socket.socket) -> bytes:
    """Read an answer to its end and return its body."""
    data = b"".join(iter(lambda: one.recv(1 << 18), b""))
    one.close()
    return data.partition(b"\r\n\r\n")[2]


def abort(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def scripted(start_tenbin: StartTenbin, server: ScriptedServer, **backend: object) -> Tenbin:
    return start_tenbin(config_text({"only": server.port}, {"retry": False, **backend}, threads=1))


def test_more_bodies_at_once_than_there_are_pipes(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), threads=1))
    clients = [ask(tenbin.address, LONG + i) for i in range(PIPES + 12)]
    assert fetch(tenbin.address, "/bytes?n=300000").body == expected(300_000), "one more while all pipes are taken"
    for i, client in enumerate(clients):
        assert body_of(client) == expected(LONG + i)


def test_readers_that_abort_leave_nothing_to_the_next(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), threads=1))
    for turn in range(3):
        clients = [ask(tenbin.address, LONG) for _ in range(PIPES + 4)]
        for client in clients:
            client.recv(1000)
        for client in clients:
            abort(client)
        for i in range(8):
            assert fetch(tenbin.address, f"/bytes?n={100_000 + i}").body == expected(100_000 + i), turn
    wait_for(lambda: tenbin.status()["process"]["connections"] == 0, 5)


def test_what_a_server_sends_behind_a_long_body_reaches_nobody(start_tenbin: StartTenbin) -> None:
    body = expected(400_000)

    def script(peer: Peer) -> None:
        while peer.read_head():
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + body + b"SECRET" * 5000)

    with ScriptedServer(script) as server:
        tenbin = scripted(start_tenbin, server, pool="always")
        with Client(tenbin.address) as client:
            for _ in range(5):
                answer = client.get("/")
                assert answer.status == 200
                assert answer.body == body
            client.send(request_bytes("GET", "/last", [("Connection", "close")]))
            assert client.read_response().body == body
        assert len(server.peers) == 6, "a connection with more on it is not used again"


def test_a_server_that_breaks_off_is_seen_to(start_tenbin: StartTenbin) -> None:
    """By a reset, an end, or silence: the client gets a part of the body and no proper end."""
    part = expected(300_000)

    def script(peer: Peer) -> None:
        head = peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + part)
        if b"/reset" in head:
            peer.reset()
        elif b"/silence" in head:
            peer.hold()

    with ScriptedServer(script) as server:
        tenbin = scripted(start_tenbin, server, timeouts={"server": "1s"})
        for target in ("/reset", "/end", "/silence") * 3:
            with contextlib.closing(socket.create_connection(tenbin.address, 5)) as one:
                one.settimeout(5)
                one.sendall(request_bytes("GET", target))
                received = bytearray()
                with contextlib.suppress(ConnectionResetError):
                    while data := one.recv(1 << 16):
                        received += data
            body = bytes(received).partition(b"\r\n\r\n")[2]
            assert part.startswith(body), target
            if target != "/reset":
                assert body == part, f"what came before it broke off is delivered: {target}"


def test_a_request_right_behind_a_long_body_is_a_request(start_tenbin: StartTenbin) -> None:
    body = expected(300_000)

    def script(peer: Peer) -> None:
        while head := peer.read_head():
            if head.startswith(b"POST"):
                assert peer.read_exactly(len(body)) == body
            peer.send(OK)

    with ScriptedServer(script) as server:
        tenbin = scripted(start_tenbin, server)
        for cut in (1, 1000, 5000, 299_990, 300_000, 300_120):
            data = request_bytes("POST", "/up", body=body) + request_bytes("GET", "/behind")
            with Client(tenbin.address) as client:
                client.send(data[:cut])
                client.send(data[cut:])
                assert [client.read_response().status for _ in range(2)] == [200, 200], cut
        assert server.received.count(b"GET /behind") == 6


def test_lengths_without_bodies_take_no_bytes(start_tenbin: StartTenbin) -> None:
    def script(peer: Peer) -> None:
        while head := peer.read_head():
            if head.startswith(b"HEAD"):
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            elif b"/304" in head:
                peer.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500000\r\n\r\n")
            else:
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + expected(200_000))

    with ScriptedServer(script) as server:
        tenbin = scripted(start_tenbin, server)
        with Client(tenbin.address) as client:
            for _ in range(3):
                client.send(request_bytes("HEAD", "/"))
                assert client.read_response("HEAD").header("content-length") == "1000000"
                client.send(request_bytes("GET", "/304"))
                assert client.read_response().status == 304
                assert client.get("/200").body == expected(200_000)


def test_an_early_answer_ends_a_long_upload(start_tenbin: StartTenbin) -> None:
    def script(peer: Peer) -> None:
        while head := peer.read_head():
            if not head.startswith(b"POST"):
                peer.send(OK)
                continue
            peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlong")
            peer.wait_closed()
            return

    with ScriptedServer(script) as server:
        tenbin = scripted(start_tenbin, server)
        for _ in range(5):
            with contextlib.closing(socket.create_connection(tenbin.address, 10)) as one:
                one.settimeout(10)
                one.sendall(request_bytes("POST", "/", [("Content-Length", "90000000")]))
                with contextlib.suppress(OSError):
                    one.settimeout(0.5)
                    one.sendall(expected(8_000_000))
                one.settimeout(10)
                assert b" 413 " in Receiver(one, b"").head()
            assert fetch(tenbin.address, "/").body == b"ok", "others are served well"
    wait_for(lambda: tenbin.status()["process"]["connections"] == 0, 10)
