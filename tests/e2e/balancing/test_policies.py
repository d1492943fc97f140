"""Every policy does what its name says; backups wait; weights change live; two threads balance as one."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer, once
from support.traffic import Background, get_bytes, long_operation, parallel, sequential, spread, under_way
from tenbin.testing import Client, chi_square, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

EJECTING = {"eject": {"after": 3, "base": "30s"}, "retry": {"budget": "100%"}}
ALL = ["server1", "server2", "server3"]


def by_source(tenbin: Tenbin, last: int) -> str:
    """Return the server that a client with the address 127.0.0.`last` gets."""
    with tenbin.client(source=f"127.0.0.{last}") as client:
        return client.get("/api/whoami").server


def by_header(tenbin: Tenbin, user: str) -> str:
    return tenbin.get("/api/whoami", ("X-User", user)).server


@pytest.mark.parametrize(
    ("policy", "least"),
    [("round_robin", 100), ("static_rr", 100), ("least_conn", 90), ("random", 50), ("peak_ewma", 1)],
)
def test_spreading_policies_use_every_server(start_tenbin: StartTenbin, trio: Servers, policy: str, least: int) -> None:
    tenbin = start_tenbin(config_text(trio.ports, {"balance": policy}))
    counts = spread(tenbin.address, 300)
    assert set(counts) == set(ALL), counts
    assert min(counts.values()) >= least, counts


@pytest.mark.parametrize("policy", ["round_robin", "static_rr"])
def test_round_robin_is_exact_and_smooth(start_tenbin: StartTenbin, trio: Servers, policy: str) -> None:
    servers = {name: {"port": trio.port(name), "weight": weight} for name, weight in zip(ALL, (4, 2, 1), strict=True)}
    order = sequential(start_tenbin(config_text(servers, {"balance": policy})).address, 70)
    for start in range(0, 70, 7):
        assert Counter(order[start : start + 7]) == {"server1": 4, "server2": 2, "server3": 1}
    assert "server1 server1 server1" not in " ".join(order)


def test_least_conn_avoids_the_busy_server(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"balance": "least_conn"}))
    work = Background(tenbin.address, long_operation(2000))
    wait_for(lambda: under_way(tenbin) == 1, 5)
    counts = spread(tenbin.address, 20)
    assert work.statuses() == [200]
    assert len(counts) == 1, counts


def test_first_fills_one_server_before_the_next(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = {name: {"port": trio.port(name), "max_connections": 2} for name in ALL}
    tenbin = start_tenbin(config_text(servers, {"balance": "first"}))
    assert set(spread(tenbin.address, 10)) == {"server1"}
    answers = parallel(tenbin.address, [long_operation(500)] * 4)
    assert Counter(answer.server for answer in answers) == {"server1": 2, "server2": 2}


@pytest.mark.parametrize("form", ["fnv1a", "nginx"])
def test_ip_hash_keeps_a_client_on_its_server(start_tenbin: StartTenbin, trio: Servers, form: str) -> None:
    tenbin = start_tenbin(config_text(trio.ports, {"balance": {"ip_hash": {"form": form}}}))
    first = {last: by_source(tenbin, last) for last in range(2, 40)}
    assert {last: by_source(tenbin, last) for last in range(2, 40)} == first
    if form == "fnv1a":
        assert set(first.values()) == set(ALL)
    else:
        assert len(set(first.values())) == 1, "nginx hashes the first three octets only"


@pytest.mark.parametrize("method", ["modulo", "consistent", "maglev"])
def test_hash_on_a_header_is_stable_and_spreads(start_tenbin: StartTenbin, trio: Servers, method: str) -> None:
    balance = {"hash": {"key": 'header("x-user")', "method": method}}
    tenbin = start_tenbin(config_text(trio.ports, {"balance": balance}))
    users = [f"user{i}" for i in range(60)]
    first = {user: by_header(tenbin, user) for user in users}
    assert {user: by_header(tenbin, user) for user in users} == first
    assert min(Counter(first.values()).values()) >= 5


@pytest.mark.parametrize("method", ["consistent", "maglev"])
def test_a_drained_server_moves_only_its_own_clients(start_tenbin: StartTenbin, trio: Servers, method: str) -> None:
    balance = {"hash": {"key": 'header("x-user")', "method": method}}
    tenbin = start_tenbin(config_text(trio.ports, {"balance": balance}))
    users = [f"user{i}" for i in range(60)]
    before = {user: by_header(tenbin, user) for user in users}
    tenbin.run_cli("server", "drain", "app/server1")
    after = {user: by_header(tenbin, user) for user in users}
    stayed = [user for user in users if before[user] != "server1"]
    assert "server1" not in after.values()
    moved = [user for user in stayed if after[user] != before[user]]
    assert len(moved) <= (0 if method == "consistent" else len(stayed) // 4), moved


def test_weight_0_gets_nothing_and_256_much(start_tenbin: StartTenbin, trio: Servers) -> None:
    weights = {"server1": 0, "server2": 256, "server3": 64}
    servers = {name: {"port": trio.port(name), "weight": weight} for name, weight in weights.items()}
    counts = spread(start_tenbin(config_text(servers)).address, 100)
    assert counts == {"server2": 80, "server3": 20}


def test_weights_change_live(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    assert spread(tenbin.address, 10) == {"server1": 5, "server2": 5}
    tenbin.run_cli("server", "weight", "app/server1", "4")
    assert spread(tenbin.address, 50) == {"server1": 40, "server2": 10}


def test_backups_work_only_when_nobody_else_does(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = {**trio.first(2), "server3": {"port": trio.port("server3"), "backup": True}}
    tenbin = start_tenbin(config_text(servers))
    assert set(spread(tenbin.address, 20)) == {"server1", "server2"}
    tenbin.run_cli("server", "maint", "app/server1")
    assert set(spread(tenbin.address, 20)) == {"server2"}
    tenbin.run_cli("server", "maint", "app/server2")
    assert set(spread(tenbin.address, 20)) == {"server3"}
    tenbin.run_cli("server", "ready", "app/server1")
    assert set(spread(tenbin.address, 20)) == {"server1"}


def test_two_threads_balance_as_one(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), threads=2))
    counts = Counter(answer.server for answer in parallel(tenbin.address, [get_bytes()] * 1000))
    assert abs(counts["server1"] - 500) <= 10, counts
    clients = [Client(tenbin.address) for _ in range(20)]
    kept = Counter(client.get("/api/whoami").server for _ in range(50) for client in clients)
    assert abs(kept["server1"] - 500) <= 10, kept


def test_random_is_not_in_turn(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"balance": {"random": {"draws": 1}}}))
    order = sequential(tenbin.address, 200)
    assert any(a == b for a, b in pairwise(order))
    assert chi_square(Counter(order), ALL[:2]) < 15


def test_peak_ewma_prefers_the_fast_server(start_tenbin: StartTenbin, trio: Servers) -> None:
    def slow(peer: Peer) -> None:
        while peer.read_head():
            peer.closed.wait(0.05)
            peer.send(b"HTTP/1.1 200 OK\r\nX-Container-Id: slow\r\nContent-Length: 0\r\n\r\n")

    with ScriptedServer(slow) as server:
        servers = {"fast": trio.port("server1"), "slow": server.port}
        counts = spread(start_tenbin(config_text(servers, {"balance": "peak_ewma"})).address, 100)
    assert counts["slow"] < 20, counts


def test_ejection_after_failures_never_takes_the_last(start_tenbin: StartTenbin, trio: Servers) -> None:
    with ScriptedServer(once(b"garbage\r\n\r\n")) as bad:
        servers = {"good": trio.port("server1"), "bad": bad.port}
        tenbin = start_tenbin(config_text(servers, EJECTING))
        statuses = Counter(tenbin.get().status for _ in range(40))
        assert statuses[200] >= 36, statuses
        wait_for(lambda: tenbin.server("app/bad")["condition"] == "ejected", 5)
        wait_for(lambda: "app/bad" in tenbin.log(), 5)
    with ScriptedServer(once(b"garbage\r\n\r\n")) as bad:
        tenbin = start_tenbin(config_text({"bad": bad.port}, EJECTING))
        assert {tenbin.get().status for _ in range(10)} == {502}
