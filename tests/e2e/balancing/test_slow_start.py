"""Slow start as clients see it: a server that came up gets more and more, until it has its share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.testing import Load, RunningLoad, config_text

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers


def test_the_share_grows_over_time(start_tenbin: StartTenbin, servers: Servers) -> None:
    check = {"http": "GET /health", "every": "100ms", "fall": 1, "rise": 1}
    tenbin = start_tenbin(config_text(servers.some(2), {"check": check, "slow_start": "3s"}))
    tenbin.wait_health("app/server2", "up")
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    servers.start("server1")
    with RunningLoad(tenbin.address, Load(rps=200, duration=20)) as run:
        tenbin.wait_health("app/server1", "up")
        run.wait_until(run.elapsed + 4.2)
        summary = run.stop()
    up = next(record.start for record in summary.records if record.server == "server1")
    assert not summary.failed, summary.describe()
    early, middle, late = (summary.share("server1", up + a, up + b) for a, b in ((0, 0.8), (1.2, 2), (3.2, 4)))
    assert early < 0.25, summary.describe()
    assert early < middle < late, (early, middle, late)
    assert 0.47 < late < 0.53, summary.describe()
