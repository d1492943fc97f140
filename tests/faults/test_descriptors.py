"""Descriptors run out: accepting waits for better times, costs nothing meanwhile, and goes on by itself."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from support.kernel import cpu_seconds, descriptors, next_descriptor
from tenbin.clock import SystemClock
from tenbin.testing import Client, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

CLOCK = SystemClock()
SPARE = 24


def pauses(tenbin: Tenbin) -> int:
    return int(tenbin.status()["process"]["accept_pauses"])


def paused_during_ten(tenbin: Tenbin) -> int:
    """Send ten requests and return how often accepting paused meanwhile."""
    before = pauses(tenbin)
    assert [tenbin.get("/api/fast").status for _ in range(10)] == [200] * 10
    return pauses(tenbin) - before


def test_accepting_pauses_without_spinning_and_recovers(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), threads=2))
    dataplane = tenbin.dataplane_pid
    kept = Client(tenbin.address)
    assert kept.get("/api/fast").status == 200
    limit = descriptors(dataplane) + SPARE
    resource.prlimit(dataplane, resource.RLIMIT_NOFILE, (limit, limit))
    clients = [Client(tenbin.address) for _ in range(SPARE * 2)]
    wait_for(lambda: pauses(tenbin) > 0, 5, "descriptors run out")
    begin, used, paused = CLOCK.now(), cpu_seconds(dataplane), pauses(tenbin)
    wait_for(lambda: pauses(tenbin) >= paused + 30, 10, "each thread tries again now and then")
    share = (cpu_seconds(dataplane) - used) / (CLOCK.now() - begin)
    assert share < 0.2, f"{share:.0%} of a processor while nothing can be accepted"
    assert kept.get("/api/fast").status == 200, "who is in is served"
    wait_for(lambda: "accepting pauses" in tenbin.log(), 5)
    for client in clients[:-4]:
        client.close()
    waiting = clients[-4:]
    for client in waiting:
        client.send(request_bytes("GET", "/api/fast"))
        assert client.read_response().status == 200, "who waited is served"
    for client in (*waiting, kept):
        client.close()
    wait_for(lambda: tenbin.get("/api/fast").status == 200, 5)
    wait_for(lambda: not paused_during_ten(tenbin), 5, "accepting goes on without a pause")


def test_without_a_descriptor_for_the_server_it_is_not_the_server_that_is_blamed(
    start_tenbin: StartTenbin, trio: Servers
) -> None:
    backend = {"pool": "never", "eject": {"after": 2}, "retry": False, "timeouts": {"connect": "500ms"}}
    text = config_text(trio.first(2), backend, threads=1)
    tenbin = start_tenbin(text)
    dataplane = tenbin.dataplane_pid
    with Client(tenbin.address) as client:
        assert client.get("/api/fast").status == 200
        before = resource.prlimit(dataplane, resource.RLIMIT_NOFILE)
        # The log, the control channel and the clients keep theirs; there is none for a server.
        resource.prlimit(dataplane, resource.RLIMIT_NOFILE, (next_descriptor(dataplane), before[1]))
        answers = [client.get("/api/fast") for _ in range(3)]
        assert [answer.status for answer in answers] == [503] * 3
        assert {answer.header("tenbin-reason") for answer in answers} == {"out-of-descriptors"}
        assert {answer.header("retry-after") for answer in answers} == {"1"}
        resource.prlimit(dataplane, resource.RLIMIT_NOFILE, before)
        assert client.get("/api/fast").status == 200
        assert {tenbin.server(f"app/server{i}")["condition"] for i in (1, 2)} == {"unchecked"}
        assert {tenbin.server(f"app/server{i}")["traffic"]["connect_errors"] for i in (1, 2)} == {0}
        assert tenbin.status()["process"]["descriptor_waits"] == 3
