"""Reloads: every way to ask for one, what they say, what they leave alone, and what they refuse."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import pytest

from support.traffic import Background, long_operation, spread, under_way
from tenbin.testing import Client, ExchangeError, Process, Tenbin, config_text, fetch, lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from support import StartTenbin
    from support.servers import Servers

CHECK = {"http": "GET /health", "every": "300ms", "fall": 2, "rise": 2}


def by_signal(number: int) -> Callable[[Tenbin], object]:
    def send(tenbin: Tenbin) -> None:
        assert tenbin.process is not None
        tenbin.process.signal(number)

    return send


WAYS: dict[str, Callable[[Tenbin], object]] = {
    "HUP": by_signal(signal.SIGHUP),
    "USR2": by_signal(signal.SIGUSR2),
    "command": lambda tenbin: tenbin.run_cli("reload"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_reload(start_tenbin: StartTenbin, trio: Servers, way: str) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    assert set(spread(tenbin.address, 4)) == {"server1"}
    tenbin.write(config_text(trio.first(2)))
    WAYS[way](tenbin)
    wait_for(lambda: set(spread(tenbin.address, 4)) == {"server1", "server2"}, 5)
    wait_for(lambda: "generation" in tenbin.log(), 5)


def test_reload_when_the_file_changes(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), watch=True))
    tenbin.write(config_text(trio.first(2), watch=True))
    wait_for(lambda: set(spread(tenbin.address, 4)) == {"server1", "server2"}, 10)


def test_reload_says_what_changes(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    output = tenbin.reload(config_text(trio.first(3))).stdout
    assert "generation" in output
    assert "server3" in output or "+1 server" in output


def test_a_reload_that_changes_nothing_says_so(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    done = tenbin.reload()
    assert done.returncode == 0
    assert done.stdout.strip()


def test_what_a_reload_does_not_change_is_not_touched(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"check": CHECK}))
    tenbin.wait_health("app/server1", "up")
    with Client(tenbin.address) as client:
        for _ in range(20):
            client.get("/api/fast")
        wait_for(lambda: tenbin.server("app/server1")["traffic"]["requests"] == 10, 5)
        before = tenbin.server("app/server1")
        dataplane = tenbin.dataplane_pids()
        assert tenbin.reload(config_text(trio.first(3), {"check": CHECK})).returncode == 0
        after = tenbin.server("app/server1")
        assert client.get("/api/fast").status == 200
        assert tenbin.dataplane_pids() == dataplane
        assert after["health"] == "up"
        assert after["check"]["passed_total"] >= before["check"]["passed_total"]
        assert after["traffic"]["requests"] >= before["traffic"]["requests"] >= 10
        assert after["traffic"]["connects"] == before["traffic"]["connects"]


def test_requests_under_way_on_a_removed_server_end_well(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    work = Background(tenbin.address, *[long_operation(1500)] * 5)
    wait_for(lambda: under_way(tenbin) == 5, 5)
    assert tenbin.reload(config_text({"server2": trio.port("server2")})).returncode == 0
    assert tenbin.get().server == "server2"
    assert work.statuses() == [200] * 5


def test_listeners_come_and_go(start_tenbin: StartTenbin, trio: Servers) -> None:
    one = config_text(trio.first(1))
    two = config_text(trio.first(1), None, {"listen": ["{listen}", "{listen2}"]})
    tenbin = start_tenbin(one)
    second = tenbin.address_of("listen2")
    with pytest.raises(ExchangeError):
        fetch(second, "/")
    assert tenbin.reload(two).returncode == 0
    assert fetch(second, "/api/fast").status == 200
    kept = Client(second)
    assert kept.get("/api/fast").status == 200
    assert tenbin.reload(one).returncode == 0
    with pytest.raises(ExchangeError):
        fetch(second, "/")
    answer = kept.get("/api/fast")
    assert (answer.status, answer.keep_alive) == (200, False), "who was let in is served once more"
    assert tenbin.get("/api/fast").status == 200


def test_a_busy_port_refuses_the_reload_and_names_its_place(start_tenbin: StartTenbin, trio: Servers) -> None:
    good = config_text(trio.first(1))
    tenbin = start_tenbin(good)
    with lease() as own, socket.create_server(("127.0.0.1", own.ports[0])):
        done = tenbin.reload(config_text(trio.first(1), None, {"listen": ["{listen}", f"127.0.0.1:{own.ports[0]}"]}))
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert str(own.ports[0]) in text
    assert f"{tenbin.file.name}:" in text
    assert tenbin.get("/api/fast").status == 200


def test_a_file_that_is_gone_refuses_the_reload(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    tenbin.file.unlink()
    assert tenbin.reload().returncode == 1
    assert tenbin.get("/api/fast").status == 200


def test_runtime_changes_survive_a_reload(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    tenbin.run_cli("server", "weight", "app/server1", "3")
    tenbin.run_cli("server", "drain", "app/server2")
    assert tenbin.reload(config_text(trio.first(3))).returncode == 0
    assert tenbin.server("app/server1")["weight"] == 3
    assert tenbin.server("app/server2")["admin"] == "drain"
    assert spread(tenbin.address, 40) == {"server1": 30, "server3": 10}


def test_a_keep_alive_connection_outlives_many_reloads(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    with Client(tenbin.address) as client:
        for i in range(5):
            assert tenbin.reload(config_text(trio.first(1 + i % 2))).returncode == 0
            assert client.get("/api/fast").status == 200


def test_a_broken_file_does_not_start(trio: Servers) -> None:
    tenbin = Tenbin(config_text(trio.first(1)).replace("servers", "serverz"), ready=False)
    try:
        tenbin.start()
        process = tenbin.process
        assert isinstance(process, Process)
        assert process.wait(20) == 1
        assert "did you mean" in process.output().lower() or "servers" in process.output()
        assert not tenbin.dataplane_pids()
    finally:
        tenbin.destroy()
