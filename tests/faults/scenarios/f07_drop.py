"""F07: all packets to and from one of two servers are lost, also in the middle of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.harness import network
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene
from faults.harness.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

CONNECT = 1.0
EVERY = 0.5
SLACK = 0.2
"""What a loaded machine and a retry may add."""


def play(stage: Stage) -> Outcome:
    """Unplug a server, let everybody notice, plug it in again."""
    ports = stage.servers.some(2)
    proxy = stage.start(Scene(ports, connect=CONNECT, answer=CONNECT, every=EVERY))
    streams = Streams(proxy.address, 4)
    with stage.traffic(proxy) as traffic:
        traffic.run_for(stage.pick(0.5, 2))
        network.drop(ports["server1"])
        detected = stage.seconds_until(lambda: proxy.health("server1") in ("down", ""), 10)
        traffic.run_for(stage.pick(2, 8))
        cut = streams.ended()
        network.heal()
        back = stage.seconds_until(lambda: proxy.health("server1") in ("up", ""), 10)
        traffic.run_for(stage.pick(0.5, 2))
        summary = traffic.stop()
    lost = streams.stop()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("p99 at most the connect timeout", figures.p99 <= (CONNECT + SLACK) * 1000 * stage.patience),
            Goal("down within 3 check intervals", detected <= 3 * EVERY * stage.patience),
            Goal("an answer that stalls is cut visibly", lost.pretended == 0 and (cut == lost.broken)),
        )

    known = bool(proxy.health("server2"))
    extra = {
        "down known after ms": milliseconds(detected, known),
        "up known after ms": milliseconds(back, known),
        "answers cut": lost.broken,
    }
    return stage.outcome(proxy, summary, goals, extra)


SCENARIO = Scenario(
    id="F07",
    title="a server's packets are lost",
    injected="DROP of all packets to and from one of two servers, also in mid-body",
    target="0 failed, p99 at most the connect timeout (1 s), known within 3 check intervals",
    play=play,
    columns=("down known after ms", "answers cut"),
    network="own",
)
