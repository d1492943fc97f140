"""F20: the process that carries the traffic is killed, once a second."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from faults.harness.blame import CUT, Injury, judge
from faults.harness.dice import Dice
from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import SEED, Scenario, Stage
from faults.harness.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant

HOW = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV)
MOMENT = 0.1
"""Seconds around a death in which a request may have been in flight without either side knowing better."""


def play(stage: Stage) -> Outcome:
    """Kill it in turn in every way that a process dies; who has several loses one."""
    dice = Dice(SEED)
    proxy = stage.start(Scene(stage.servers.some(2)))
    injuries = []
    with stage.traffic(proxy) as traffic:
        for turn in range(round(stage.pick(5, 20))):
            begin = traffic.elapsed
            with contextlib.suppress(OSError, IndexError):
                os.kill(dice.pick(_carriers(proxy)), HOW[turn % len(HOW)])
                injuries.append(Injury("a crash", begin - MOMENT, traffic.elapsed + MOMENT, {"any": CUT}))
            traffic.run_until(begin + 1)
        summary = traffic.stop()
    verdict = judge({"any": summary.records}, injuries)

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            Goal("no connection is refused", "connect error" not in figures.failed),
            Goal("only what was in flight is lost", not verdict.unexplained),
            Goal("no gap over 500 ms", figures.gap < 500),
        )

    extra = {
        "crashes": len(injuries),
        "lost in flight": sum(verdict.explained.values()),
        "lost otherwise": len(verdict.unexplained),
        "first of these": "; ".join(verdict.unexplained[:3]),
    }
    return stage.outcome(proxy, summary, goals, extra)


def _carriers(proxy: Contestant) -> list[int]:
    """Return the processes that carry traffic."""
    return proxy.tenbin.dataplane_pids() if isinstance(proxy, Ours) else proxy.pids()[1:]


SCENARIO = Scenario(
    id="F20",
    title="the data plane crashes",
    injected="SIGKILL, SIGABRT and SIGSEGV to a process that carries traffic, one a second, 20 times",
    target="lost only what was in flight in it; no connection refused",
    play=play,
    columns=("crashes", "lost in flight", "lost otherwise"),
)
