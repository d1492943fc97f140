"""A server dies under load and comes back; no client notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.testing import Load, RunningLoad, config_text

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers

CHECK = {"http": "GET /health", "expect": 200, "every": "500ms", "fall": 2, "rise": 2}


@pytest.mark.slow
def test_no_get_fails_while_a_server_is_killed_and_returns(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text(servers.some(2), {"check": CHECK}))
    tenbin.wait_health("app/server1", "up")
    tenbin.wait_health("app/server2", "up")
    with RunningLoad(tenbin.address, Load(rps=100, duration=30)) as run:
        run.wait_until(10)
        servers.kill("server1")
        tenbin.wait_health("app/server1", "down", 3)
        assert run.elapsed < 13
        run.wait_until(20)
        servers.start("server1")
        summary = run.result()
    assert len(summary.records) == 3000
    assert not summary.failed, summary.describe()
    # The last one may begin in a second of its own.
    assert min(summary.by_second()[:30]) >= 80, summary.describe()
    assert 0.4 < summary.share("server1", until=10) < 0.6, summary.describe()
    assert summary.share("server1", since=13, until=20) == 0, summary.describe()
    assert summary.share("server1", since=25) > 0.3, summary.describe()


def test_down_is_logged_and_shown_with_its_reason(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text(servers.some(2), {"check": CHECK}))
    tenbin.wait_health("app/server1", "up")
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    server = tenbin.server("app/server1")
    assert server["check"]["status"] == "L4CON"
    assert server["check"]["history"][0]["status"] == "L4CON"
    assert "app/server1" in tenbin.log()
    assert "L4CON" in tenbin.log()
    assert "1 of 2 servers" in tenbin.log()


def test_without_a_server_503_comes_at_once_with_the_reason(start_tenbin: StartTenbin, servers: Servers) -> None:
    ports = {"server1": servers.port("server1"), "server2": servers.port("server2")}
    tenbin = start_tenbin(config_text(ports, {"check": CHECK}))
    tenbin.wait_health("app/server1", "down")
    tenbin.wait_health("app/server2", "down")
    with RunningLoad(tenbin.address, Load(rps=50, duration=1)) as run:
        summary = run.result()
    assert {record.status for record in summary.records} == {503}
    latencies = sorted(record.latency for record in summary.records)
    assert latencies[len(latencies) // 2] < 0.005, latencies
    answer = tenbin.get()
    assert answer.header("tenbin-reason") == "no-server-up"
    assert answer.body
