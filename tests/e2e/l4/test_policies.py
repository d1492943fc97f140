"""Connections under every policy, with sticky sources, limits and a queue: what requests have, they have too."""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from support.scripted import ScriptedServer
from tenbin.testing import Tenbin, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer

POLICIES: dict[str, object] = {
    "random": {"random": {"draws": 2}},
    "first": "first",
    "hash": {"hash": "source"},
    "maglev": {"hash": {"key": "source", "method": "maglev"}},
    "peak_ewma": "peak_ewma",
    "ip_hash": {"ip_hash": {"form": "nginx"}},
}
PLACES = {name: f"listen{i}" for i, name in enumerate([*POLICIES, "sticky", "limited"], 2)}


def named(name: bytes) -> ScriptedServer:
    def script(peer: Peer) -> None:
        peer.send(name)
        peer.hold()

    return ScriptedServer(script)


@pytest.fixture(scope="module")
def tcp() -> Iterator[Tenbin]:
    """A listener and a backend for each case."""
    with named(b"1") as one, named(b"2") as two:
        servers = {"one": f"127.0.0.1:{one.port}", "two": f"127.0.0.1:{two.port}"}
        backends: dict[str, object] = {name: {"balance": how, "servers": servers} for name, how in POLICIES.items()}
        backends["sticky"] = {"sticky": {"source": True}, "servers": servers}
        backends["limited"] = {"servers": {"one": {"address": servers["one"], "max_connections": 1}}}
        frontends = {name: {"mode": "tcp", "listen": f"{{{place}}}", "backend": name} for name, place in PLACES.items()}
        with Tenbin(yaml.safe_dump({"frontends": frontends, "backends": backends})) as tenbin:
            yield tenbin


def connect(tenbin: Tenbin, case: str, last: int = 2) -> socket.socket:
    return socket.create_connection(tenbin.address_of(PLACES[case]), 5, (f"127.0.0.{last}", 0))


def ask(tenbin: Tenbin, case: str, last: int = 2) -> bytes:
    with connect(tenbin, case, last) as client:
        return client.recv(1)


def counted(tenbin: Tenbin, case: str) -> Counter[bytes]:
    return Counter(ask(tenbin, case, last) for last in range(2, 32))


@pytest.mark.parametrize("case", ["random", "peak_ewma", "hash", "maglev"])
def test_both_servers_have_their_part(tcp: Tenbin, case: str) -> None:
    counts = counted(tcp, case)
    assert set(counts) == {b"1", b"2"}, counts


@pytest.mark.parametrize("case", ["first", "ip_hash"])
def test_one_server_has_all(tcp: Tenbin, case: str) -> None:
    assert len(counted(tcp, case)) == 1, "the first one, or that of these three octets"


@pytest.mark.parametrize("case", ["hash", "maglev", "sticky"])
def test_a_source_has_its_server(tcp: Tenbin, case: str) -> None:
    first = {last: ask(tcp, case, last) for last in range(2, 14)}
    assert {last: ask(tcp, case, last) for last in range(13, 1, -1)} == first
    assert set(first.values()) == {b"1", b"2"}


def test_a_full_server_makes_connections_wait_their_turn(tcp: Tenbin) -> None:
    with connect(tcp, "limited") as first:
        assert first.recv(1) == b"1"
        with connect(tcp, "limited") as second:
            wait_for(lambda: _queued(tcp) == 1, 5)
            second.settimeout(0.1)
            with pytest.raises(TimeoutError):
                second.recv(1)
            first.close()
            second.settimeout(5)
            assert second.recv(1) == b"1"


def _queued(tenbin: Tenbin) -> int:
    backend = next(entry for entry in tenbin.status()["backends"] if entry["name"] == "limited")
    return int(backend["traffic"]["queue"])
