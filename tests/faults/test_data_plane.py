"""The data plane crashes: it is back at once, and no connection was refused."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.traffic import spread
from tenbin.clock import SystemClock
from tenbin.testing import Load, RunningLoad, config_text, wait_for
from tenbin.testing.processes import is_running

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers

CLOCK = SystemClock()


def test_a_crash_under_load_costs_only_what_was_in_flight(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    old = tenbin.dataplane_pid
    with RunningLoad(tenbin.address, Load(rps=200, duration=4, keep_alive=False)) as run:
        run.wait_until(1.5)
        killed = run.elapsed
        os.kill(old, signal.SIGKILL)
        summary = run.result()
    kinds = Counter(record.error.split(":")[0] for record in summary.failed)
    assert kinds["connect"] == 0, "a connection was refused: " + summary.describe()
    assert len(summary.failed) <= 3, summary.describe()
    back = min(r.start + r.latency for r in summary.records if r.ok and r.start > killed)
    assert back - killed < 0.2, f"back after {back - killed:.3f} s; {summary.describe()}"
    assert summary.longest_gap() < 0.25, summary.describe()
    wait_for(lambda: not is_running(old), 5)
    assert tenbin.dataplane_pid != old
    assert spread(tenbin.address, 10) == {"server1": 5, "server2": 5}
    assert "data plane" in tenbin.log()


def test_counters_and_states_survive_a_crash(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"check": {"http": "GET /health", "every": "300ms"}}))
    tenbin.wait_health("app/server1", "up")
    spread(tenbin.address, 20)
    wait_for(lambda: tenbin.server("app/server1")["traffic"]["requests"] == 10, 5)
    tenbin.run_cli("server", "weight", "app/server2", "4")
    os.kill(tenbin.dataplane_pid, signal.SIGKILL)
    wait_for(lambda: tenbin.get().status == 200, 5)
    wait_for(lambda: (tenbin.server("app/server1")["traffic"] or {}).get("requests", 0) >= 10, 5)
    assert tenbin.server("app/server1")["health"] == "up"
    assert spread(tenbin.address, 50) == {"server1": 10, "server2": 40}


@pytest.mark.slow
def test_many_crashes_are_survived(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    for _ in range(5):
        old = tenbin.dataplane_pid
        os.kill(old, signal.SIGKILL)
        wait_for(lambda old=old: tenbin.dataplane_pids() not in ([], [old]), 10)
        wait_for(lambda: tenbin.get().status == 200, 10)
    assert tenbin.run_cli("status")


def test_both_processes_killed_start_anew(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    tenbin.run_cli("server", "drain", "app/server1")
    assert tenbin.process is not None
    dataplane = tenbin.dataplane_pid
    tenbin.process.kill()
    os.kill(dataplane, signal.SIGKILL)
    wait_for(lambda: not is_running(dataplane), 5)
    tenbin.start()
    assert set(spread(tenbin.address, 6)) == {"server2"}


def test_a_hanging_data_plane_shows_in_the_status(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    dataplane = tenbin.dataplane_pid
    os.kill(dataplane, signal.SIGSTOP)
    try:
        wait_for(lambda: tenbin.status()["age"] > 1 or not tenbin.status()["attached"], 10)
    finally:
        os.kill(dataplane, signal.SIGCONT)
    wait_for(lambda: tenbin.get().status == 200, 10)
