"""F09: a server that is there for a second and away for a second, all the time."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from faults.harness import network
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant
    from faults.harness.traffic import Traffic

EVERY = 0.5
RISE = FALL = 2
LOOK = 0.1
"""How often the state is looked at; changes are seen so much too late at most."""


def play(stage: Stage) -> Outcome:
    """Take the port of one of two servers away and give it back, a second each."""
    ports = stage.servers.some(2)
    proxy = stage.start(Scene(ports, every=EVERY, rise=RISE, fall=FALL))
    changes: list[float] = []
    with stage.traffic(proxy) as traffic:
        for _ in range(round(stage.pick(5, 30))):
            network.reject(ports["server1"])
            changes += _watch(proxy, traffic, 1.0)
            network.heal()
            changes += _watch(proxy, traffic, 1.0)
        summary = traffic.stop()
    shortest = min((b - a for a, b in itertools.pairwise(changes)), default=float("inf"))

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("no state for less than its checks take", shortest >= (min(RISE, FALL) - 1) * EVERY - 2 * LOOK),
        )

    known = bool(proxy.health("server2"))
    return stage.outcome(proxy, summary, goals, {"state changes": len(changes) if known else "-"})


def _watch(proxy: Contestant, traffic: Traffic, seconds: float) -> list[float]:
    """Return when the state changed within this time."""
    end, found = traffic.elapsed + seconds, []
    last = proxy.health("server1")
    while traffic.elapsed < end:
        traffic.run_for(LOOK)
        now = proxy.health("server1")
        if now != last:
            found.append(traffic.elapsed)
        last = now
    return found


SCENARIO = Scenario(
    id="F09",
    title="a server flaps",
    injected="one of two servers is there for 1 s and away for 1 s, for 60 s",
    target="0 GETs failed, each state lasts as long as its checks take",
    play=play,
    columns=("state changes",),
    network="own",
)
