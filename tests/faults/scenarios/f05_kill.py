"""F05: one of two servers is killed, as if its machine lost power, and comes back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

EVERY = 0.5


def play(stage: Stage) -> Outcome:
    """Kill, wait until it is known, start again, wait until that is known; GETs and POSTs flow all the time."""
    proxy = stage.start(Scene(stage.servers.some(2), every=EVERY))
    with stage.traffic(proxy, replace(stage.mix(), posts=20)) as traffic:
        traffic.run_for(stage.pick(0.5, 2))
        stage.servers.kill("server1")
        detected = stage.seconds_until(lambda: proxy.health("server1") in ("down", ""), 10)
        traffic.run_for(stage.pick(0.5, 3))
        stage.servers.start("server1")
        back = stage.seconds_until(lambda: proxy.health("server1") in ("up", ""), 10)
        traffic.run_for(stage.pick(0.5, 2))
        gets, posts = traffic.stop("GET"), traffic.stop("POST")
    lost = figures_of(posts)
    wrong = sum(record.status not in (0, 200, 502) for record in posts.records)

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("a POST that was under way gets 502", wrong == 0 and set(lost.failed) <= {"unexpected status"}),
            Goal("down within 3 check intervals", detected <= 3 * EVERY),
            Goal("up within 3 check intervals", back <= 3 * EVERY),
        )

    known = bool(proxy.health("server2"))
    extra = {
        "POSTs failed": lost.failures,
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
    columns=("POSTs failed", "down known after ms"),
)
