"""F26: floods of HTTP/2 frames of every kind, a hundred thousand each: ended soon, and cheap until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene, usage
from faults.scenarios.f14_idle import slower
from support.flood import Flooded, flood
from support.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    PRIORITY,
    SETTINGS,
    block,
    frame,
    headers,
    opening,
    request,
    reset,
    window_update,
)
from support.kernel import cpu_seconds
from support.steady import Steady, between

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faults.harness.outcome import Figures

FRAMES = 100_000
MOST_CPU = 1.0
"""Seconds of the proxy's processors that one flood may cost."""
MOST_MEMORY = 8 << 20


class Cost(NamedTuple):
    """One flood: what came of it, the proxy's processor time, and by how much its memory grew."""

    flooded: Flooded
    cpu: float
    memory: int


def play(stage: Stage) -> Outcome:
    """Measure healthy clients alone, then beside one flood after the other."""
    (framed,) = stage.ports(1)
    proxy = stage.start(Scene(stage.servers.some(2), framed=framed))
    costs: dict[str, Cost] = {}
    with Steady(proxy.address, stage.pick(60, 200), "/api/fast") as steady:
        calm = steady.run_for(stage.pick(1, 10))
        stage.watch(proxy)
        begin = steady.elapsed
        for name, data in floods(round(stage.pick(20_000, FRAMES))).items():
            before, memory = sum(map(cpu_seconds, proxy.pids())), usage(proxy.pids()).memory
            flooded = flood((proxy.address[0], framed), data, linger=stage.pick(1, 3))
            grown = usage(proxy.pids()).memory - memory
            costs[name] = Cost(flooded, sum(map(cpu_seconds, proxy.pids())) - before, grown)
        beside = (begin, steady.elapsed)
        summary = steady.stop()
    alone, crowded = (figures_of(between(summary, *when)).p99 for when in (calm, beside))
    going_on = [name for name, cost in costs.items() if not cost.flooded.ended]
    dear = [name for name, cost in costs.items() if cost.cpu > MOST_CPU * stage.patience]

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal(f"every flood is ended, not {', '.join(going_on)}", not going_on),
            Goal(f"no flood costs more than {MOST_CPU:g} s, not {', '.join(dear)}", not dear),
            Goal("memory is bounded", max(cost.memory for cost in costs.values()) <= MOST_MEMORY),
            Goal("p99 is no more than doubled", crowded <= slower(alone, stage)),
        )

    sent = sum(cost.flooded.sent for cost in costs.values())
    extra = {
        "floods ended": f"{len(costs) - len(going_on)} of {len(costs)}",
        "going on": ", ".join(going_on) or "none",
        "MB taken": round(sent / 1e6, 1),
        "CPU ms": round(sum(cost.cpu for cost in costs.values()) * 1000),
        "p99 ms alone / beside": f"{alone:.1f} / {crowded:.1f}",
    }
    return stage.outcome(proxy, summary, goals, extra)


def floods(count: int) -> Mapping[str, bytes]:
    """Return the floods by name, each a connection of about so many frames."""
    fields = request(b"/api/fast")
    asked = headers(1, fields, end=False)
    begun = frame(HEADERS, block(fields), stream=1)
    streams = range(1, count, 2)
    found = {
        "PING": frame(PING, b"abcdefgh") * count,
        "SETTINGS": frame(SETTINGS) * count,
        "PRIORITY": frame(PRIORITY, b"\0\0\0\0\1", stream=1) * count,
        "WINDOW_UPDATE": window_update(0, 1) * count,
        "WINDOW_UPDATE of a stream": asked + window_update(1, 1) * count,
        "empty DATA": asked + frame(DATA, stream=1) * count,
        "empty CONTINUATION": begun + frame(CONTINUATION, stream=1) * count,
        "CONTINUATION": begun + frame(CONTINUATION, block([(b"x", b"y")] * 20), stream=1) * (count // 10),
        "empty HEADERS": b"".join(frame(HEADERS, b"", END_HEADERS, stream) for stream in streams),
        "HEADERS and RST_STREAM": b"".join(headers(stream, fields) + reset(stream) for stream in streams),
        "RST_STREAM of a stream that is over": headers(1, fields) + reset(1) * count,
        "unknown frames": frame(0x42, b"zz") * count,
    }
    return {name: opening() + data for name, data in found.items()}


SCENARIO = Scenario(
    id="F26",
    title="floods of frames",
    injected="floods of HTTP/2 frames of every kind, 100 000 frames each, beside traffic",
    target="0 failed, each connection ended, at most 1 s of CPU and 8 MiB for a flood, p99 no more than doubled",
    play=play,
    columns=("floods ended", "going on", "MB taken", "CPU ms", "p99 ms alone / beside"),
)
