"""Servers restart, reset and flap under load; what happens when they are killed or stop is among the scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer
from tenbin.testing import Load, RunningLoad, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers

CHECK = {"http": "GET /health", "every": "300ms", "timeout": "300ms", "fall": 2, "rise": 2}


def test_a_graceful_server_restart_fails_nobody(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text(servers.some(2), {"check": CHECK}))
    tenbin.wait_health("app/server2", "up")
    with RunningLoad(tenbin.address, Load(rps=100, duration=4, target="/stream?chunks=5&bytes=100")) as run:
        run.wait_until(1)
        tenbin.run_cli("server", "drain", "app/server1")
        wait_for(lambda: tenbin.server("app/server1")["traffic"]["current"] == 0, 5)
        assert servers.processes["server1"].terminate(5) == 0
        servers.start("server1")
        tenbin.run_cli("server", "ready", "app/server1")
        summary = run.result()
    assert not summary.failed, summary.describe()


def test_a_server_that_resets_everything_fails_no_get(start_tenbin: StartTenbin, trio: Servers) -> None:
    def resetting(peer: Peer) -> None:
        peer.read_head()
        peer.reset()

    with ScriptedServer(resetting) as bad:
        servers = {"bad": bad.port, "good1": trio.port("server1"), "good2": trio.port("server2")}
        backend = {"eject": {"after": 3, "base": "10s"}, "retry": {"budget": "100%"}}
        tenbin = start_tenbin(config_text(servers, backend))
        with RunningLoad(tenbin.address, Load(rps=100, duration=2)) as run:
            summary = run.result()
        assert not summary.failed, summary.describe()
        assert len(bad.peers) < 20, "it was ejected"


@pytest.mark.slow
def test_a_flapping_server_fails_no_get(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text(servers.some(2), {"check": CHECK, "retry": {"budget": "100%"}}))
    tenbin.wait_health("app/server2", "up")
    with RunningLoad(tenbin.address, Load(rps=50, duration=8)) as run:
        for second in range(1, 8, 2):
            run.wait_until(second)
            servers.kill("server1")
            run.wait_until(second + 0.7)
            servers.start("server1")
        summary = run.result()
    assert not summary.failed, summary.describe()
