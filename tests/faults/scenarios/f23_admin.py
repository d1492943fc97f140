"""F23: an admin API under siege: traffic does not notice, the operator gets through, and nothing grows."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene
from faults.scenarios.f14_idle import slower
from support.kernel import descriptors, resident
from support.operator import TOKEN
from support.steady import Steady, between
from tenbin.cli.client import Running
from tenbin.testing import Process, fetch
from tenbin.testing.wait import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faults.harness.outcome import Figures
    from tenbin.testing import Tenbin

TESTS = str(Path(__file__).parents[2])
GROWTH = 64 << 20
PATIENCE = 3.0
"""Seconds that an operator waits for an answer."""
ANSWERS_TO_GUESSES = {"401", "429 with Retry-After", "ConnectionResetError", "IncompleteReadError"}


def play(stage: Stage) -> Outcome:
    """Measure traffic alone, then under the siege."""
    proxy = stage.start(Scene(stage.servers.some(3)))
    assert isinstance(proxy, Ours)
    tenbin, seconds = proxy.tenbin, stage.pick(6, 20)
    before = resident(tenbin.pid)
    with Steady(proxy.address, 100, "/api/whoami") as steady:
        calm = steady.run_for(seconds)
        stage.watch(proxy)
        begun = steady.elapsed
        told, waits = besiege(stage, tenbin, seconds)
        until = steady.elapsed
        summary = steady.stop()
    alone, under = (figures_of(between(summary, *when)) for when in (calm, (begun, until)))
    grown = resident(tenbin.pid) - before
    back = stage.seconds_until(lambda: fetch(tenbin.admin, "/healthz").status == 200, 5)
    warned = sum("sent a wrong token" in line for line in tenbin.log().splitlines())

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("p99 is no more than doubled", under.p99 <= slower(alone.p99, stage)),
            *_refused(told),
            Goal("the operator waits 3 s at most", max(waits) < PATIENCE),
            Goal("memory and descriptors stay", grown < GROWTH and descriptors(tenbin.pid) < 500),
            Goal("it is there for everybody afterwards", back < PATIENCE),
            Goal("the journal names wrong tokens once for each address and state", warned == 2),
        )

    extra = {
        "p99 ms alone / under siege": f"{alone.p99:.1f} / {under.p99:.1f}",
        "operator's longest wait ms": milliseconds(max(waits)),
        "grown MiB": round(grown / 2**20, 1),
        "answers": "; ".join(f"{kind}: {_counts(found)}" for kind, found in told.items()),
    }
    return stage.outcome(proxy, summary, goals, extra)


def besiege(stage: Stage, tenbin: Tenbin, seconds: float) -> tuple[dict[str, dict[str, int]], list[float]]:
    """Attack for some seconds; return how the attackers were answered and how long the operator waited each time."""
    local, waits = Running(tenbin.runtime_directory), []
    command = (sys.executable, "-m", "support.siege", str(tenbin.admin[1]), TOKEN, str(seconds))
    env = {"PYTHONPATH": os.pathsep.join((TESTS, os.environ.get("PYTHONPATH", "")))}
    with Process("siege", command, tenbin.folder, env) as siege:
        while siege.alive:
            begun = stage.clock.now()
            assert b"server1" in local.get("/api/v1/status")
            waits.append(stage.clock.now() - begun)
            with suppress(DeadlineError):
                siege.wait(0.2)
        assert siege.wait() == 0, siege.output()
        answers: dict[str, dict[str, int]] = json.loads(siege.output().splitlines()[-1])
        return answers, waits


def _refused(told: Mapping[str, Mapping[str, int]]) -> Sequence[Goal]:
    guesses = told["guess"]
    return (
        Goal("10 MB are answered 413", told["body"].get("413", 0) > 0),
        Goal("ten wrong tokens are answered 401", guesses.get("401") == 10),
        Goal("further ones 429 with Retry-After", guesses.get("429 with Retry-After", 0) > 0),
        Goal("nothing else answers a wrong token", set(guesses) <= ANSWERS_TO_GUESSES),
        Goal("the flood is served, too", told["flood"].get("200", 0) > 0),
    )


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(found.items()))


SCENARIO = Scenario(
    id="F23",
    title="a siege of the admin API",
    injected="500 requests a second, 100 slow clients, bodies of 10 MB and wrong tokens at the admin API",
    target="0 failed, p99 no more than doubled (20 ms are always granted); 413, 429, 401; the operator gets through",
    play=play,
    columns=("p99 ms alone / under siege", "operator's longest wait ms", "grown MiB", "answers"),
    contestants=("tenbin",),
)
