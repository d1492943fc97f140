"""F15: as many clients at once as one process may have descriptors for, from two processes, all asking again."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene, usage
from support.apart import Apart
from support.steady import Steady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

MOST = 300 << 20
"""Bytes of memory in all."""


def play(stage: Stage) -> Outcome:
    """Open them all, ask twice on each, and count."""
    each = round(stage.pick(1_000, 8_000))
    proxy = stage.start(Scene(stage.servers.some(2), idle=600, clients=2 * each + 1_000))
    crowd = {"address": proxy.address, "count": each, "target": "/api/fast"}
    with Steady(proxy.address, stage.pick(50, 100), "/api/fast") as steady, ExitStack() as stack:
        stage.watch(proxy)
        begin = stage.clock.now()
        crowds = [stack.enter_context(Apart("support.crowd", **crowd)) for _ in range(2)]
        first = [one.hear(120) for one in crowds]
        seconds = stage.clock.now() - begin
        for one in crowds:
            one.tell("again")
        answers = [*first, *(one.hear(120) for one in crowds)]
        memory = usage(proxy.pids()).memory
        figures = figures_of(steady.stop())
    reached, failed = sum(one["opened"] for one in first), sum(one["failed"] for one in answers)

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal(f"{2 * each} clients at once", reached == 2 * each),
            Goal("0 of their requests failed", not failed),
            Goal("less than 300 MB", memory < MOST),
        )

    extra = {
        "clients": reached,
        "of them failed": failed,
        "seconds to open": round(seconds, 1),
        "MiB then": round(memory / 2**20, 1),
    }
    return stage.outcome(proxy, figures, goals, extra)


SCENARIO = Scenario(
    id="F15",
    title="many clients at once",
    injected="16 000 clients from two processes (20 000 descriptors are what one process may have here), asking twice",
    target="all reached, 0 failed, less than 300 MB",
    play=play,
    columns=("clients", "of them failed", "seconds to open", "MiB then"),
)
