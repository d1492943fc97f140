"""F01: reload after reload under load, over new and kept connections and WebSockets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from support.talk import Talk
from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

RELOADS = 20
TALKS = 3


def play(stage: Stage) -> Outcome:
    """Change between two and three servers, again and again."""
    ports = stage.servers.some(3)
    three = Scene(ports)
    two = three.with_servers(stage.servers.first(2))
    proxy = stage.start(two)
    talks = [Talk(proxy.address) for _ in range(TALKS)]
    wait_for(lambda: all(talk.echoed > 2 for talk in talks), 10, "the WebSockets talk")
    refused = 0
    with stage.traffic(proxy, replace(stage.mix(), posts=10)) as traffic:
        for turn in range(RELOADS):
            refused += proxy.reload(three if turn % 2 == 0 else two).code != 0
            traffic.run_for(stage.pick(0.1, 1.0))
        summary = traffic.stop()
    echoed = [talk.echoed for talk in talks]
    broken = sum(talk.error is not None for talk in talks)
    for talk in talks:
        talk.stop()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("every reload is accepted", refused == 0),
            Goal("no WebSocket ends", broken == 0),
        )

    extra = {"reloads": RELOADS, "WebSockets ended": broken, "messages": sum(echoed)}
    return stage.outcome(proxy, summary, goals, extra)


SCENARIO = Scenario(
    id="F01",
    title="20 reloads",
    injected="20 reloads under load, servers come and go",
    target="0 failed, no WebSocket ends",
    play=play,
    columns=("WebSockets ended",),
)
