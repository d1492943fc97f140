"""Connections instead of requests: both ways, half-closed, held back, timed out, and balanced."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer
from tenbin.clock import SystemClock
from tenbin.testing import Client, config_text, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

TCP = {"mode": "tcp"}
MIB = 1024 * 1024
CLOCK = SystemClock()


def named(name: bytes) -> ScriptedServer:
    """A server that says its name and echoes."""

    def script(peer: Peer) -> None:
        peer.send(name)
        while data := peer.read():
            peer.received.clear()
            peer.send(data)

    return ScriptedServer(script)


@pytest.fixture
def echo() -> Iterator[ScriptedServer]:
    with named(b"") as server:
        yield server


def tcp(start_tenbin: StartTenbin, servers: dict[str, object], **backend: object) -> Tenbin:
    return start_tenbin(config_text(servers, backend, TCP))


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := connection.recv(65536)):
        data += more
    return data


def test_bytes_pass_both_ways(start_tenbin: StartTenbin, echo: ScriptedServer) -> None:
    tenbin = tcp(start_tenbin, {"echo": echo.port})
    with socket.create_connection(tenbin.address, 5) as client:
        for message in (b"a", b"\x00\xff" * 50_000, b"\r\n"):
            client.sendall(message)
            assert receive_exactly(client, len(message)) == message


def test_a_half_closed_client_is_answered(start_tenbin: StartTenbin) -> None:
    def digest(peer: Peer) -> None:
        total = hashlib.sha256()
        while data := peer.socket.recv(65536):
            total.update(data)
        peer.send(total.digest())

    with ScriptedServer(digest) as server:
        tenbin = tcp(start_tenbin, {"digest": server.port})
        data = bytes(range(256)) * 20_000
        with socket.create_connection(tenbin.address, 10) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            assert receive_exactly(client, 32) == hashlib.sha256(data).digest()
            assert client.recv(1) == b""


def test_a_half_closed_server_still_receives(start_tenbin: StartTenbin) -> None:
    got = bytearray()

    def speaks_first(peer: Peer) -> None:
        peer.send(b"bye")
        peer.socket.shutdown(socket.SHUT_WR)
        while data := peer.socket.recv(65536):
            got.extend(data)

    with ScriptedServer(speaks_first) as server:
        tenbin = tcp(start_tenbin, {"first": server.port})
        with socket.create_connection(tenbin.address, 5) as client:
            assert receive_exactly(client, 4) == b"bye"
            client.sendall(b"still here")
            wait_for(lambda: bytes(got) == b"still here", 5)


def test_a_server_that_acknowledges_nothing_is_given_up_in_time(start_tenbin: StartTenbin) -> None:
    with ScriptedServer(lambda peer: peer.wait_closed()) as server:
        tenbin = tcp(start_tenbin, {"deaf": {"port": server.port, "user_timeout": "500ms"}})
        # No timer of Tenbin's is as short: the system ends the connection whose window stays shut.
        with socket.create_connection(tenbin.address, 20) as client, pytest.raises(ConnectionError):
            client.sendall(bytes(256 * MIB))


def test_a_reset_reaches_the_other_side(start_tenbin: StartTenbin) -> None:
    ended = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(b"x")
        with contextlib.suppress(OSError):
            while peer.socket.recv(1):
                pass
        ended.set()

    with ScriptedServer(script) as server:
        tenbin = tcp(start_tenbin, {"only": server.port})
        client = socket.create_connection(tenbin.address, 5)
        assert client.recv(1) == b"x"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
        assert ended.wait(5)


def test_a_slow_reader_holds_the_sender_back(start_tenbin: StartTenbin) -> None:
    with ScriptedServer(lambda peer: peer.wait_closed()) as server:
        tenbin = tcp(start_tenbin, {"slow": server.port})
        with socket.create_connection(tenbin.address, 5) as client:
            client.settimeout(0.5)
            sent = 0
            with contextlib.suppress(TimeoutError):
                while sent < 64 * MIB:
                    sent += client.send(b"x" * 65536)
            assert sent < 32 * MIB


def test_200_mib_arrive_unchanged(start_tenbin: StartTenbin) -> None:
    block = bytes(range(256)) * 4096

    def sender(peer: Peer) -> None:
        for _ in range(200):
            peer.send(block)

    with ScriptedServer(sender) as server:
        tenbin = tcp(start_tenbin, {"big": server.port})
        got, expected = hashlib.sha256(), hashlib.sha256(block * 200)
        with socket.create_connection(tenbin.address, 10) as client:
            while data := client.recv(MIB):
                got.update(data)
        assert got.digest() == expected.digest()


def test_an_idle_connection_is_closed(start_tenbin: StartTenbin, echo: ScriptedServer) -> None:
    text = config_text({"echo": echo.port}, {}, TCP, timeouts={"client": "500ms", "server": "500ms"})
    tenbin = start_tenbin(text)
    with socket.create_connection(tenbin.address, 10) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        begin = CLOCK.now()
        assert client.recv(1) == b""
        assert 0.3 < CLOCK.now() - begin < 3


@pytest.mark.parametrize("policy", ["round_robin", "least_conn", "static_rr"])
def test_connections_are_balanced(start_tenbin: StartTenbin, policy: str) -> None:
    with named(b"1") as one, named(b"2") as two:
        tenbin = tcp(start_tenbin, {"one": one.port, "two": two.port}, balance=policy)
        connections = [socket.create_connection(tenbin.address, 5) for _ in range(20)]
        assert Counter(connection.recv(1) for connection in connections) == {b"1": 10, b"2": 10}
        for connection in connections:
            connection.close()


def test_ip_hash_keeps_a_client_on_its_server(start_tenbin: StartTenbin) -> None:
    with named(b"1") as one, named(b"2") as two:
        tenbin = tcp(start_tenbin, {"one": one.port, "two": two.port}, balance="ip_hash")

        def server(last: int) -> bytes:
            with socket.create_connection(tenbin.address, 5, (f"127.0.0.{last}", 0)) as client:
                return client.recv(1)

        first = {last: server(last) for last in range(2, 22)}
        assert {last: server(last) for last in range(2, 22)} == first
        assert set(first.values()) == {b"1", b"2"}


def test_a_dead_server_is_passed_over(start_tenbin: StartTenbin, servers: Servers) -> None:
    with named(b"1") as one:
        tenbin = tcp(start_tenbin, {"dead": servers.port("dead"), "one": one.port})
        for _ in range(6):
            with socket.create_connection(tenbin.address, 5) as client:
                assert client.recv(1) == b"1"


def test_without_a_server_the_connection_is_closed(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = tcp(start_tenbin, {"dead": servers.port("dead")})
    with socket.create_connection(tenbin.address, 5) as client:
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            return


def test_connections_of_a_server_that_goes_down_are_closed_on_demand(
    start_tenbin: StartTenbin, servers: Servers
) -> None:
    port = servers.start("server1")
    check = {"http": "GET /health", "every": "200ms", "fall": 1, "port": servers.start("checked")}
    tenbin = tcp(start_tenbin, {"server1": port}, check=check, on_down="close_connections")
    tenbin.wait_health("app/server1", "up")
    with Client(tenbin.address) as client:
        assert client.get("/api/fast").status == 200
        servers.kill("checked")
        tenbin.wait_health("app/server1", "down")
        assert client.read_to_end() == b""


def test_http_passes_through_untouched(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = tcp(start_tenbin, dict(trio.first(1)))
    value = fetch(tenbin.address, "/echo", ("X-Odd-CASE", "1")).json()
    assert "x-forwarded-for" not in dict(value["headers"])


def test_routes_of_connections_see_the_source(start_tenbin: StartTenbin) -> None:
    with named(b"1") as one, named(b"2") as two:
        tenbin = start_tenbin(
            f"""\
frontends:
  web:
    mode: tcp
    listen: "{{listen}}"
    routes:
      - {{when: source in "127.0.0.2", backend: one}}
      - {{backend: two}}
backends:
  one: {{servers: ["127.0.0.1:{one.port}"]}}
  two: {{servers: ["127.0.0.1:{two.port}"]}}
"""
        )
        for last, expected in ((2, b"1"), (3, b"2")):
            with socket.create_connection(tenbin.address, 5, (f"127.0.0.{last}", 0)) as client:
                assert client.recv(1) == expected
