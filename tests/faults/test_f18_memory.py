"""F18: memory runs short: new work is refused before the system ends the process, and taken again afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.scenarios import f18_memory
from support.kernel import resident
from tenbin.testing import Client, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

MEBIBYTE = 1 << 20


def refuses(tenbin: Tenbin) -> bool:
    """Whether the data plane has said that it takes no new work."""
    return "no new work is taken" in tenbin.log()


def test_above_the_limit_requests_are_refused_and_below_it_served(start_tenbin: StartTenbin, trio: Servers) -> None:
    text = config_text(trio.first(1), threads=1)
    tenbin = start_tenbin(text)
    with Client(tenbin.address) as kept:
        assert kept.get("/api/fast").status == 200
        small = max(1, resident(tenbin.dataplane_pid) // MEBIBYTE // 2)
        assert tenbin.reload(f"{text}\nlimits: {{memory: {small}m}}\n").returncode == 0
        wait_for(lambda: refuses(tenbin), 5, "the limit is crossed")
    with Client(tenbin.address, timeout=15) as waiting:
        # It waits to be accepted; the operator sees and changes what goes on meanwhile.
        assert tenbin.reload(f"{text}\nlimits: {{memory: 0}}\n").returncode == 0
        assert waiting.get("/api/fast").status == 200
    wait_for(lambda: "new work is taken again" in tenbin.log(), 5)


def test_a_request_on_a_kept_connection_is_told_to_come_back(start_tenbin: StartTenbin, trio: Servers) -> None:
    text = config_text(trio.first(1), threads=1)
    tenbin = start_tenbin(text)
    with Client(tenbin.address) as kept:
        assert kept.get("/api/fast").status == 200
        # Above the limit, and below the margin at which idle connections close.
        limit = resident(tenbin.dataplane_pid) * 985 // 1000
        assert tenbin.reload(f"{text}\nlimits: {{memory: {limit}}}\n").returncode == 0
        wait_for(lambda: "no new work is taken" in tenbin.log(), 5)
        if not kept.peer_closed():
            answer = kept.get("/api/fast")
            assert (answer.status, answer.header("tenbin-reason")) == (503, "out-of-memory")
            assert answer.header("retry-after") == "1"
            assert not answer.keep_alive
            wait_for(lambda: tenbin.status()["process"]["memory_refused"] == 1, 5)


def test_reaches_its_targets(play_short: Callable[[Scenario], Outcome]) -> None:
    play_short(f18_memory.SCENARIO)
