"""F14: thousands of clients keep their connections and say nothing: what each costs, and what the others notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene, usage
from support.apart import Apart
from support.slow import allow_many
from support.steady import Steady, between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

EACH = 4096
"""Bytes of its own memory that a proxy may spend on an idle connection."""


def play(stage: Stage) -> Outcome:
    """Measure healthy traffic alone, then beside the idle ones."""
    allow_many()
    count = round(stage.pick(1_000, 10_000))
    proxy = stage.start(Scene(stage.servers.some(2), idle=600, clients=count + 1_000))
    with Steady(proxy.address, stage.pick(100, 200), "/api/fast") as steady:
        calm = steady.run_for(stage.pick(3, 20))
        stage.watch(proxy)
        before = usage(proxy.pids()).memory
        with Apart("support.crowd", address=proxy.address, count=count, target="/api/fast") as idle:
            opened = idle.hear(120)
            beside = steady.run_for(stage.pick(3, 20))
            each = (usage(proxy.pids()).memory - before) / count
            idle.tell("again")
            again = idle.hear(120)
        summary = steady.stop()
    alone, crowded = (figures_of(between(summary, *when)) for when in (calm, beside))

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal(f"all {count} are served, and again later", not opened["failed"] and not again["failed"]),
            Goal(f"at most {EACH} bytes for each", each <= EACH),
            Goal("p99 is no more than doubled", crowded.p99 <= slower(alone.p99, stage)),
        )

    extra = {
        "clients": count,
        "bytes each": round(each),
        "p99 ms alone / beside": f"{alone.p99:.1f} / {crowded.p99:.1f}",
        "idle failed": opened["failed"] + again["failed"],
    }
    return stage.outcome(proxy, summary, goals, extra)


def slower(p99: float, stage: Stage) -> float:
    """Return how slow it may be beside a crowd: twice, or as much more as a machine is by itself, which tests share."""
    return max(2 * p99, p99 + stage.pick(300, 20))


SCENARIO = Scenario(
    id="F14",
    title="idle clients",
    injected="10 000 kept connections that have asked once and say nothing, beside traffic",
    target="0 failed, at most 4 KiB of its own memory for each, p99 no more than doubled (20 ms are always granted)",
    play=play,
    columns=("clients", "bytes each", "p99 ms alone / beside", "idle failed"),
)
