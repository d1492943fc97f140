"""What a server is told of the client that its connection carries, and that it carries no other."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from support import announce
from support.certificates import make_certificate, trusting
from support.multiplexed import Multiplexed
from support.scripted import OK, Peer, ScriptedServer
from tenbin.testing import Client, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import StartTenbin
    from support.announce import Announced

CLIENT = ("203.0.113.7", 4711)
SEEN = ("198.51.100.1", 443)


def answering_behind_a_header(peer: Peer) -> None:
    """Answer requests; the header stands before the first of them."""
    while peer.read_head():
        if not peer.received.startswith(announce.SIGNATURE) or b"HTTP/1.1\r\n" in peer.received:
            peer.send(OK)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(answering_behind_a_header) as one:
        yield one


def heard(server: ScriptedServer, number: int = 0) -> Announced:
    return announce.parse(bytes(server.wait_peer(number).received))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_server_is_told_of_each_client(start_tenbin: StartTenbin, server: ScriptedServer, version: str) -> None:
    tenbin = start_tenbin(config_text({"only": server.port}, {"send_proxy": version}))
    with tenbin.client(source="127.0.0.5") as first, tenbin.client(source="127.0.0.6") as second:
        for client in (first, second, first):
            assert client.get("/").status == 200
        found = [heard(server, number) for number in range(3)]
        assert [one.source for one in found] == [client.socket.getsockname() for client in (first, second, first)], (
            "no connection carries two clients"
        )
        assert {one.destination for one in found} == {tenbin.address}
        assert {one.version for one in found} == {int(version[1])}
        assert all(one.rest.startswith(b"GET / HTTP/1.1\r\n") for one in found)


def test_a_server_may_differ_from_its_backend(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    with ScriptedServer(answering_behind_a_header) as plain:
        servers = {"one": server.port, "two": {"port": plain.port, "send_proxy": False}}
        tenbin = start_tenbin(config_text(servers, {"send_proxy": "v1", "balance": "round_robin"}))
        with tenbin.client() as client:
            assert [client.get("/").status for _ in range(4)] == [200] * 4
        assert plain.received.startswith(b"GET / ")
        assert len(server.peers) == 2
        assert len(plain.peers) == 1, "without a header connections are kept"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_connections_without_requests(start_tenbin: StartTenbin, version: str) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.send(b"banner ")
        peer.read_until(b"hello")
        peer.send(b"bye")

    with ScriptedServer(script) as server:
        tenbin = start_tenbin(config_text({"only": server.port}, {"send_proxy": version}, {"mode": "tcp"}))
        with tenbin.client() as client:
            assert client.socket.recv(7) == b"banner ", "the header does not wait for the client's first byte"
            client.send(b"hello")
            assert client.read_to_end() == b"bye"
            found = heard(server)
            assert (found.source, found.destination, found.rest) == (
                client.socket.getsockname(),
                tenbin.address,
                b"hello",
            )


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_what_was_told_is_passed_on(start_tenbin: StartTenbin, server: ScriptedServer, mode: str) -> None:
    front = {"mode": mode, "listen": [{"address": "{listen}", "proxy_protocol": True}]}
    backend = {"send_proxy": {"version": "v2", "tls": True}}
    tenbin = start_tenbin(config_text({"only": server.port}, backend, front))
    tlvs = {
        announce.ALPN: b"http/1.1",
        announce.AUTHORITY: b"shop.test",
        announce.SSL: announce.ssl(b"TLSv1.2", b"anna"),
    }
    with tenbin.client() as client:
        client.send(announce.v2(CLIENT, SEEN, tlvs, checksum=True) + request_bytes("GET", "/"))
        assert client.read_response().status == 200
    found = heard(server)
    assert (found.source, found.destination) == (CLIENT, SEEN)
    assert found.tlvs == tlvs
    with tenbin.client() as client:
        client.send(announce.v2(None) + request_bytes("GET", "/"))
        assert client.read_response().status == 200
        found = heard(server, 1)
        assert (found.source, found.destination) == (client.socket.getsockname(), tenbin.address)
        assert found.tlvs == {}, "without TLS there is nothing to tell"


def test_a_server_that_is_not_there_is_not_told_twice(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    servers = {"one": port, "two": server.port}
    tenbin = start_tenbin(config_text(servers, {"send_proxy": "v2"}))
    with Client(tenbin.address) as client:
        assert [client.get("/").status for _ in range(4)] == [200] * 4
    assert all(heard(server, number).rest.startswith(b"GET /") for number in range(4))


def test_a_server_is_told_of_clients_that_share_a_connection(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    tenbin = start_tenbin(config_text({"only": server.port}, {"send_proxy": "v2"}))
    with Multiplexed(tenbin.address) as client:
        streams = [client.ask("/") for _ in range(2)]
        assert [client.wait(stream).status for stream in streams] == [200, 200]
        found = [heard(server, number) for number in range(2)]
        assert {one.source for one in found} == {client.name}
        assert {one.destination for one in found} == {tenbin.address}


def test_what_was_told_of_a_connection_in_tls_is_passed_on_for_its_streams(
    start_tenbin: StartTenbin, server: ScriptedServer, tmp_path: Path
) -> None:
    site = make_certificate(tmp_path / "site.pem")
    front = {"listen": [{"address": "{listen}", "proxy_protocol": True, "tls": str(site)}]}
    backend = {"send_proxy": {"version": "v2", "tls": True}}
    tenbin = start_tenbin(config_text({"only": server.port}, backend, front))
    with Multiplexed(tenbin.address, trusting(site, "h2"), first=announce.v2(CLIENT, SEEN)) as client:
        assert client.get("/").status == 200
    found = heard(server)
    assert (found.source, found.destination) == (CLIENT, SEEN)
    assert found.tlvs[announce.ALPN] == b"h2"
    assert found.tlvs[announce.AUTHORITY] == b"localhost"
    assert b"x-forwarded-for: 203.0.113.7" in found.rest.lower()
    assert b"x-forwarded-proto: https" in found.rest.lower()


def test_a_header_stands_before_http2(start_tenbin: StartTenbin) -> None:
    def script(peer: Peer) -> None:
        peer.read_until(b"PRI * HTTP/2.0")
        peer.hold()

    with ScriptedServer(script) as server:
        tenbin = start_tenbin(config_text({"only": server.port}, {"send_proxy": "v2", "protocol": "http2"}))
        with tenbin.client() as first, tenbin.client() as second:
            clients = [first, second]
            for number, client in enumerate(clients):
                client.send(request_bytes("GET", "/"))
                wait_for(lambda number=number: b"PRI *" in server.wait_peer(number).received, 5)  # type: ignore[misc]
            found = [heard(server, number) for number in range(2)]
            assert [one.source for one in found] == [client.socket.getsockname() for client in clients]
            assert all(one.rest.startswith(b"PRI * HTTP/2.0\r\n") for one in found)
