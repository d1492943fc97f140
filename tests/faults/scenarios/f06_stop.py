"""F06: a server stops without closing anything: it accepts connections and never answers."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

ANSWER = 1.0
EVERY = 0.5


def play(stage: Stage) -> Outcome:
    """Stop one of two servers for a while."""
    proxy = stage.start(Scene(stage.servers.some(2), answer=ANSWER, every=EVERY))
    stopped = stage.servers.processes["server1"]
    with stage.traffic(proxy) as traffic:
        traffic.run_for(stage.pick(0.5, 2))
        stopped.signal(signal.SIGSTOP)
        begin = traffic.elapsed
        detected = stage.seconds_until(lambda: proxy.health("server1") in ("down", ""), 10)
        traffic.run_until(begin + stage.pick(3, 10))
        stopped.signal(signal.SIGCONT)
        back = stage.seconds_until(lambda: proxy.health("server1") in ("up", ""), 10)
        traffic.run_for(stage.pick(0.3, 3))
        summary = traffic.stop()
    slow = sum(record.latency > ANSWER for record in summary.records)
    late = sum(
        record.latency > ANSWER / 2 for record in summary.records if begin + 3 * EVERY * stage.patience < record.start
    )

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("p99 below 1.2 s", figures.p99 < 1200 * stage.patience),
            Goal("out after at most 3 check intervals", detected <= 3 * EVERY * stage.patience),
            Goal("nothing is slow once it is out", late == 0),
        )

    known = bool(proxy.health("server2"))
    extra = {
        "down known after ms": milliseconds(detected, known),
        "up known after ms": milliseconds(back, known),
        "requests over 1 s": slow,
        "slow after it was out": late,
    }
    return stage.outcome(proxy, summary, goals, extra)


SCENARIO = Scenario(
    id="F06",
    title="a server stops answering",
    injected="SIGSTOP of one of two servers for 10 s; servers have 1 s for an answer",
    target="0 failed, p99 below 1.2 s, out after at most 3 check intervals",
    play=play,
    columns=("down known after ms", "requests over 1 s", "slow after it was out"),
)
