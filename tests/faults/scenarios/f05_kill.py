"""F05: one of two servers is killed, as if its machine lost power, and comes back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene
from support.traffic import Background, long_operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures, Value

EVERY = 0.5
WORKS, LONG = 12, 4000
"""So many POSTs are under way when the server dies, for so many milliseconds; half of them are at the other one."""


def play(stage: Stage) -> Outcome:
    """Kill, wait until it is known, start again, wait until that is known; GETs and POSTs flow all the time."""
    proxy = stage.start(Scene(stage.servers.some(2), every=EVERY))
    with stage.traffic(proxy, replace(stage.mix(), posts=20)) as traffic:
        under_way = [Background(proxy.address, long_operation(LONG)) for _ in range(WORKS)]
        traffic.run_for(stage.pick(0.5, 2))
        stage.servers.kill("server1")
        detected = stage.seconds_until(lambda: proxy.health("server1") in ("down", ""), 10)
        traffic.run_for(stage.pick(0.5, 3))
        stage.servers.start("server1")
        back = stage.seconds_until(lambda: proxy.health("server1") in ("up", ""), 10)
        traffic.run_for(stage.pick(0.5, 2))
        gets, posts = traffic.stop("GET"), traffic.stop("POST")
    lost = figures_of(posts)
    ends = Counter(status for work in under_way for status in work.statuses() or [0])

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("a POST that was under way gets 502", set(ends) == {200, 502}),
            Goal("no POST is lost without an answer", set(lost.failed) <= {"unexpected status"}),
            Goal("down within 3 check intervals", detected <= 3 * EVERY * stage.patience),
            Goal("up within 3 check intervals", back <= 3 * EVERY * stage.patience),
        )

    known = bool(proxy.health("server2"))
    extra: dict[str, Value] = {
        "POSTs under way": ", ".join(f"{count} x {status}" for status, count in sorted(ends.items())),
        "other POSTs failed": lost.failures,
        "down known after ms": milliseconds(detected, known),
        "up known after ms": milliseconds(back, known),
    }
    return stage.outcome(proxy, gets, goals, extra)


SCENARIO = Scenario(
    id="F05",
    title="a server is killed",
    injected="kill -9 of one of two servers, which comes back",
    target="0 GETs failed, a POST under way gets 502, known within 3 check intervals",
    play=play,
    columns=("POSTs under way", "other POSTs failed", "down known after ms"),
)
