"""F08: a server's machine answers everything with a reset, and pooled connections are destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.harness import network
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene
from tenbin.testing import fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

EVERY = 0.5


def play(stage: Stage) -> Outcome:
    """Reject everything to one of two servers for a while; then destroy the connections to both, again and again."""
    ports = stage.servers.some(2)
    proxy = stage.start(Scene(ports, every=EVERY))
    destroyed = 0
    with stage.traffic(proxy) as traffic:
        traffic.run_for(stage.pick(0.5, 2))
        network.reject(ports["server1"])
        detected = stage.seconds_until(lambda: proxy.health("server1") in ("down", ""), 10)
        traffic.run_for(stage.pick(0.5, 3))
        network.heal()
        wait_for(lambda: proxy.health("server1") in ("up", ""), 10)
        wait_for(lambda: fetch(proxy.address, "/api/whoami").server == "server1", 10)
        for _ in range(round(stage.pick(10, 50))):
            destroyed += sum(network.kill_connections(port) for port in ports.values())
            traffic.run_for(0.1)
        summary = traffic.stop()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("down within 3 check intervals", detected <= 3 * EVERY * stage.patience),
            Goal("connections were destroyed", destroyed > 0),
        )

    known = bool(proxy.health("server2"))
    extra = {"down known after ms": milliseconds(detected, known), "connections destroyed": destroyed}
    return stage.outcome(proxy, summary, goals, extra)


SCENARIO = Scenario(
    id="F08",
    title="a server resets",
    injected="REJECT with a reset to one of two servers; then all connections to both destroyed every 100 ms (ss -K)",
    target="0 GETs failed, known within 3 check intervals",
    play=play,
    columns=("down known after ms", "connections destroyed"),
    network="own",
)
