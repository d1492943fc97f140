"""What an operator does to servers and to the whole: drain, maint, ready, weight, and a graceful stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from support.kernel import descriptors
from support.traffic import Background, get_bytes, long_operation, spread, under_way
from tenbin.testing import Client, ExchangeError, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin


def busy(tenbin: Tenbin, milliseconds: int, count: int = 1) -> Background:
    """Start long requests and wait until they are all under way."""
    work = Background(tenbin.address, *[long_operation(milliseconds)] * count)
    wait_for(lambda: under_way(tenbin) == count, 5, "all requests are under way")
    return work


def test_maint_takes_no_work_and_no_checks(start_tenbin: StartTenbin, servers: Servers) -> None:
    check = {"http": "GET /health", "every": "200ms", "fall": 1, "rise": 1}
    tenbin = start_tenbin(config_text(servers.some(2), {"check": check}))
    tenbin.wait_health("app/server1", "up")
    tenbin.run_cli("server", "maint", "app/server1")
    assert set(spread(tenbin.address, 10)) == {"server2"}
    server = tenbin.server("app/server1")
    assert (server["admin"], server["condition"]) == ("maint", "maint")
    assert server["overrides"]
    tenbin.run_cli("server", "ready", "app/server1")
    wait_for(lambda: set(spread(tenbin.address, 10)) == {"server1", "server2"}, 5)
    assert not tenbin.server("app/server1")["overrides"]


def test_status_shows_what_differs_from_the_file(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    tenbin.run_cli("server", "weight", "app/server2", "7")
    server = tenbin.server("app/server2")
    assert (server["weight"], server["file_weight"]) == (7, 1)
    assert server["overrides"]
    assert "7" in tenbin.run_cli("status")


def test_unknown_servers_are_named_in_the_error(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    for arguments in (("drain", "app/server9"), ("drain", "ap/server1"), ("weight", "app/server1", "300")):
        done = tenbin.cli("server", *arguments)
        assert done.returncode in (1, 2)
        assert done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_sigterm_lets_requests_end_and_refuses_new_ones(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    dataplane = tenbin.dataplane_pids()
    idle = Client(tenbin.address)
    assert idle.get("/api/fast").status == 200
    work = busy(tenbin, 1500, 4)
    assert tenbin.process is not None
    tenbin.process.signal(signal.SIGTERM)
    wait_for(lambda: _refused(tenbin), 5, "new connections are refused")
    assert not work.answers
    assert work.statuses() == [200] * 4
    assert tenbin.process.wait(10) == 0
    wait_for(lambda: not tenbin.dataplane_pids(), 5, f"the data plane {dataplane} has ended")


def test_sigterm_serves_a_client_that_waits_for_a_place(start_tenbin: StartTenbin, trio: Servers) -> None:
    """It was accepted before the end began, so nobody else can serve it."""
    tenbin = start_tenbin(config_text(trio.first(2), None, {"limits": {"connections": 1}}, threads=1))
    (dataplane,) = tenbin.dataplane_pids()
    work = busy(tenbin, 1500)
    held = descriptors(dataplane)
    waiting = Background(tenbin.address, get_bytes())
    wait_for(lambda: descriptors(dataplane) > held, 5, "the second client is accepted")
    assert tenbin.process is not None
    tenbin.process.signal(signal.SIGTERM)
    assert work.statuses() == [200]
    assert waiting.statuses() == [200]
    assert tenbin.process.wait(10) == 0


def test_a_drain_has_a_deadline(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), timeouts={"drain": "500ms"}))
    work = busy(tenbin, 8000)
    assert tenbin.stop(deadline=6) == 0
    assert work.statuses() in ([], [502], [503])


@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,)])
def test_a_second_sigterm_and_sigint_end_at_once(
    start_tenbin: StartTenbin, trio: Servers, signals: tuple[signal.Signals, ...]
) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    busy(tenbin, 8000)
    assert tenbin.process is not None
    for i, number in enumerate(signals):
        if i:
            wait_for(lambda: _refused(tenbin), 5)
        tenbin.process.signal(number)
    tenbin.process.wait(4)
    wait_for(lambda: not tenbin.dataplane_pids(), 4, "nothing is left behind")


def test_stop_by_command(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    tenbin.run_cli("stop")
    assert tenbin.process is not None
    assert tenbin.process.wait(10) == 0
    wait_for(lambda: not tenbin.dataplane_pids(), 5)


def _refused(tenbin: Tenbin) -> bool:
    try:
        Client(tenbin.address).close()
    except ExchangeError:
        return True
    return False
