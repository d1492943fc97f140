"""The control plane hangs, dies and comes back; traffic does not care."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from support.traffic import Background, long_operation, spread, under_way
from tenbin.testing import Client, Load, RunningLoad, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin


def kill_control(tenbin: Tenbin) -> None:
    assert tenbin.process is not None
    tenbin.process.kill()


@pytest.mark.slow
def test_ten_seconds_of_a_hanging_control_plane_fail_nobody(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"check": {"http": "GET /health", "every": "500ms"}}))
    assert tenbin.process is not None
    with RunningLoad(tenbin.address, Load(rps=100, duration=13)) as run:
        run.wait_until(1)
        tenbin.process.signal(signal.SIGSTOP)
        run.wait_until(11)
        tenbin.process.signal(signal.SIGCONT)
        summary = run.result()
    assert not summary.failed, summary.describe()
    assert summary.longest_gap() < 0.5, summary.describe()
    wait_for(lambda: tenbin.server("app/server1")["health"] == "up", 5)
    assert tenbin.status()["attached"]


def test_a_killed_control_plane_attaches_again(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    kept = Client(tenbin.address)
    assert [kept.get("/api/fast").status for _ in range(10)] == [200] * 10
    dataplane = tenbin.dataplane_pids()
    with RunningLoad(tenbin.address, Load(rps=100, duration=30, keep_alive=False)) as run:
        kill_control(tenbin)
        assert set(spread(tenbin.address, 10)) == {"server1", "server2"}
        tenbin.start()
        summary = run.stop()
    assert not summary.failed, summary.describe()
    assert tenbin.dataplane_pids() == dataplane
    assert kept.get("/api/fast").status == 200
    requests = sum(server["traffic"]["requests"] for server in tenbin.status()["backends"][0]["servers"])
    assert requests >= 20, "statistics go on"
    tenbin.run_cli("server", "drain", "app/server1")
    assert set(spread(tenbin.address, 6)) == {"server2"}


def test_an_outage_goes_on_while_the_control_plane_is_away(start_tenbin: StartTenbin, servers: Servers) -> None:
    check = {"tcp": True, "every": "100ms", "fall": 1, "rise": 1}
    tenbin = start_tenbin(config_text(servers.some(2), {"check": check}))
    tenbin.wait_health("app/server1", "up")
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    wait_for((tenbin.runtime_directory / "outages.json").exists, 5)
    before = tenbin.server("app/server1")
    kill_control(tenbin)
    tenbin.start()
    after = tenbin.server("app/server1")
    assert (after["health"], after["downs"]) == ("down", 1)
    assert after["downtime"] > before["downtime"]
    assert after["changed"] == after["downtime"], "it is the same outage"
    servers.start("server1")
    tenbin.wait_health("app/server1", "up")
    assert tenbin.server("app/server1")["downs"] == 1
    assert tenbin.stop() == 0
    tenbin.start()
    assert tenbin.server("app/server1")["downs"] == 0, "counters begin anew with a new data plane"


def test_after_attaching_listeners_can_still_change(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    kill_control(tenbin)
    tenbin.start()
    more = config_text(trio.first(2), None, {"listen": ["{listen}", "{listen2}"]})
    assert tenbin.reload(more).returncode == 0
    assert spread(tenbin.address_of("listen2"), 10) == {"server1": 5, "server2": 5}
    assert tenbin.stop() == 0
    wait_for(lambda: not tenbin.dataplane_pids(), 5)


def test_long_requests_outlive_the_control_plane(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    work = Background(tenbin.address, *[long_operation(2000)] * 4)
    wait_for(lambda: under_way(tenbin) == 4, 5)
    kill_control(tenbin)
    tenbin.start()
    assert work.statuses() == [200] * 4


def test_runtime_changes_survive_kill_and_restart(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(3)))
    tenbin.run_cli("server", "weight", "app/server1", "3")
    tenbin.run_cli("server", "drain", "app/server2")
    kill_control(tenbin)
    tenbin.start()
    assert tenbin.server("app/server1")["weight"] == 3
    assert tenbin.stop() == 0
    wait_for(lambda: not tenbin.dataplane_pids(), 5)
    tenbin.start()
    assert tenbin.server("app/server2")["admin"] == "drain"
    assert spread(tenbin.address, 40) == {"server1": 30, "server3": 10}
    assert tenbin.server("app/server1")["overrides"]


def test_a_changed_file_is_taken_when_the_control_plane_returns(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    kill_control(tenbin)
    tenbin.write(config_text(trio.first(2)))
    assert set(spread(tenbin.address, 4)) == {"server1"}
    tenbin.start()
    assert set(spread(tenbin.address, 4)) == {"server1", "server2"}
