"""F10: all servers are gone: clients are told at once, cheaply, and served again as soon as one is back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, milliseconds
from faults.harness.scene import Scene
from support.kernel import cpu_seconds
from tenbin.testing import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures, Value
    from faults.harness.scene import Contestant
    from faults.harness.traffic import Traffic

EVERY = 0.5
UNAVAILABLE = (200, 502, 503)


def play(stage: Stage) -> Outcome:
    """Kill both servers, wait, start one."""
    proxy = stage.start(Scene(stage.servers.some(2), every=EVERY))
    with stage.traffic(proxy) as traffic:
        busy = _cores(proxy, traffic, stage.pick(1, 4))
        for name in ("server1", "server2"):
            stage.servers.kill(name)
        stage.seconds_until(lambda: {proxy.health(name) for name in stage.servers.ports} <= {"down", ""}, 10)
        down = traffic.elapsed
        idle = _cores(proxy, traffic, stage.pick(1.5, 8))
        until = traffic.elapsed
        stage.servers.start("server1")
        back = stage.seconds_until(lambda: fetch(proxy.address, "/api/whoami").status == 200, 30)
        traffic.run_for(stage.pick(0.3, 2))
        summary = traffic.stop()
    refused = [record for record in summary.records if down < record.start < until]
    statuses = Counter(record.status for record in refused)
    times = sorted(record.latency for record in refused)
    typical = times[len(times) // 2] * 1000

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            Goal("every request gets an answer", figures.failures == 0),
            Goal("503 when all are known to be down", set(statuses) == {503}),
            Goal("within 5 ms", typical <= 5 * stage.patience),
            Goal("no more CPU than while serving", idle <= busy * 1.5 + 0.05),
            Goal("back within 3 check intervals", back <= 3 * EVERY * stage.patience),
        )

    extra: dict[str, Value] = {
        "statuses": ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())),
        "answered in ms": round(typical, 1),
        "CPU serving / down": f"{busy:.2f} / {idle:.2f} cores",
        "back after ms": milliseconds(back),
    }
    return stage.outcome(proxy, summary, goals, extra, expected=UNAVAILABLE)


def _cores(proxy: Contestant, traffic: Traffic, seconds: float) -> float:
    """Let the traffic run and return how many cores the proxy used meanwhile."""
    pids, begin = proxy.pids(), traffic.elapsed
    before = sum(cpu_seconds(pid) for pid in pids)
    traffic.run_for(seconds)
    return (sum(cpu_seconds(pid) for pid in pids) - before) / (traffic.elapsed - begin)


SCENARIO = Scenario(
    id="F10",
    title="all servers are down",
    injected="both servers are killed, later one comes back",
    target="503 within 5 ms, no CPU spin, back within 3 check intervals",
    play=play,
    columns=("statuses", "answered in ms", "CPU serving / down", "back after ms"),
)
