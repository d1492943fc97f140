"""An admin API under siege: traffic does not notice, the operator gets through, and nothing grows."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.kernel import descriptors, resident
from support.operator import ADMIN, TOKEN
from tenbin.cli.client import Running
from tenbin.clock import SystemClock
from tenbin.testing import Load, Process, RunningLoad, config_text, fetch, wait_for
from tenbin.testing.wait import DeadlineError

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

CLOCK = SystemClock()
SECONDS = 6.0
LOAD = Load(rps=100, duration=SECONDS)
TESTS = str(Path(__file__).parents[1])
GROWTH = 64 << 20


def besiege(tenbin: Tenbin) -> tuple[dict[str, dict[str, int]], list[float]]:
    """Attack for some seconds; return how the attackers were answered and how long the operator waited each time."""
    local, waits = Running(tenbin.runtime_directory), []
    command = (sys.executable, "-m", "support.siege", str(tenbin.admin[1]), TOKEN, str(SECONDS))
    env = {"PYTHONPATH": os.pathsep.join((TESTS, os.environ.get("PYTHONPATH", "")))}
    with Process("siege", command, tenbin.folder, env) as siege:
        while siege.alive:
            begun = CLOCK.now()
            assert b"server1" in local.get("/api/v1/status")
            waits.append(CLOCK.now() - begun)
            with suppress(DeadlineError):
                siege.wait(0.2)
        assert siege.wait() == 0, siege.output()
        answers: dict[str, dict[str, int]] = json.loads(siege.output().splitlines()[-1])
        return answers, waits


@pytest.mark.slow
def test_f23_a_siege_of_the_admin_api_costs_traffic_nothing(
    start_tenbin: StartTenbin, trio: Servers, record_property: pytest.RecordProperty
) -> None:
    tenbin = start_tenbin(config_text(trio.ports, admin=ADMIN, threads=2))
    with RunningLoad(tenbin.address, LOAD) as quiet:
        wait_for(lambda: quiet.done >= LOAD.count, SECONDS + 20)
        calm = quiet.stop()
    before = resident(tenbin.pid)
    with RunningLoad(tenbin.address, Load(rps=LOAD.rps, duration=SECONDS + 2)) as load:
        answers, waits = besiege(tenbin)
        summary = load.stop()
    ratio = summary.percentile(0.99) / calm.percentile(0.99)
    told = {"p99 ratio": round(ratio, 2), "p50 ratio": round(summary.percentile(0.5) / calm.percentile(0.5), 2)}
    told |= {"operator's longest wait": round(max(waits), 3), "grown": resident(tenbin.pid) - before}
    record_property("f23", {**told, "answers": answers})
    sys.stdout.write(f"F23 {json.dumps({**told, 'answers': answers})}\n")
    assert not summary.failed, summary.describe()
    assert not calm.failed, calm.describe()
    assert summary.percentile(0.99) < max(5 * calm.percentile(0.99), 0.1), summary.describe()
    assert answers["body"].get("413", 0) > 0, answers
    assert answers["guess"].get("401") == 10, answers
    assert answers["guess"].get("429 with Retry-After", 0) > 0, answers
    assert answers["flood"].get("200", 0) > 0, answers
    assert set(answers["guess"]) <= {"401", "429 with Retry-After", "ConnectionResetError", "IncompleteReadError"}
    assert max(waits) < 3, waits
    assert resident(tenbin.pid) - before < GROWTH
    assert descriptors(tenbin.pid) < 500
    wait_for(lambda: fetch(tenbin.admin, "/healthz").status == 200, 5, "the API is there for everybody again")
    assert sum("sent a wrong token" in line for line in tenbin.log().splitlines()) == 2
