"""F16: a thousand clients that are slow on purpose are ended in time, cost little, and slow nobody down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene, usage
from faults.scenarios.f14_idle import slower
from support.apart import Apart
from support.slow import Fountain, socket_memory
from support.steady import Steady, between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant
    from tenbin.testing import Summary

DEADLINE = 3.0
BIG = 10 << 20
MOST = 64 << 10
"""Bytes of its own memory that a proxy may spend on a slow client."""

_HEAD = "GET /%s HTTP/1.1\r\nHost: a\r\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to be slow: how many are, what each sends at once, and then byte by byte."""

    name: str
    count: int
    first: str
    rest: str


KINDS = (
    Kind("heads", 1000, _HEAD % "api/fast", "x"),
    Kind("bodies", 1000, "POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "x"),
    Kind("readers", 200, _HEAD % "big" + "\r\n", ""),
)


@dataclass(frozen=True, slots=True)
class Stalled:
    """What became of one kind: `late` are the seconds after the deadline at which the last was ended."""

    kind: str
    alive: int
    early: float
    late: float
    memory: int
    sockets: int
    p99: tuple[float, float]

    def goals(self, stage: Stage) -> Sequence[Goal]:
        """Return what must hold for each kind."""
        return (
            Goal(f"all slow {self.kind} are ended", not self.alive),
            Goal(f"no slow {self.kind} before their time", self.early >= -0.2 * DEADLINE),
            Goal(f"slow {self.kind} ended 1 s after the deadline", self.late <= stage.patience),
            Goal(f"64 KiB for each of the slow {self.kind}", self.memory <= MOST),
            Goal(f"p99 beside slow {self.kind} is no more than doubled", self.p99[1] <= slower(self.p99[0], stage)),
        )


def play(stage: Stage) -> Outcome:
    """Measure healthy traffic alone, then beside each kind until all of that are ended."""
    with Fountain(BIG) as fountain:
        scene = Scene(stage.servers.some(2), big=fountain.port, head=DEADLINE, client=DEADLINE, answer=30)
        proxy = stage.start(scene)
        with Steady(proxy.address, stage.pick(60, 200), "/api/fast") as steady:
            calm = steady.run_for(stage.pick(2, 10))
            stage.watch(proxy)
            runs = [(kind, *stall(proxy, steady, kind)) for kind in KINDS]
            summary = steady.stop()
    found = [_stalled(kind, run, between(summary, *calm), between(summary, *when)) for kind, run, when in runs]

    def goals(figures: Figures) -> Sequence[Goal]:
        return (nothing_failed(figures), *(goal for one in found for goal in one.goals(stage)))

    return stage.outcome(proxy, summary, goals, _extra(found))


def stall(proxy: Contestant, steady: Steady, kind: Kind) -> tuple[dict[str, list[float]], tuple[float, float]]:
    """Let clients be slow in one way until all are ended; return what they tell, and from when to when that was."""
    begin, base = steady.elapsed, usage(proxy.pids()).memory
    memory, sockets = 0, 0
    what = {"count": kind.count, "first": kind.first, "rest": kind.rest}
    with Apart("support.crowd", address=proxy.address, **what) as crowd:
        crowd.hear(60)
        opened = steady.elapsed
        while not crowd.has_answered(0.1) and steady.elapsed < opened + 20:
            memory = max(memory, usage(proxy.pids()).memory - base)
            if not sockets and steady.elapsed > opened + DEADLINE / 2:
                sockets = socket_memory(f"sport = :{proxy.address[1]}")
        crowd.tell("stop")
        told = crowd.hear()
    return {**told, "memory": memory, "sockets": sockets}, (begin, steady.elapsed)


def _stalled(kind: Kind, run: dict[str, list[float]], calm: Summary, beside: Summary) -> Stalled:
    # How long a reader has taken nothing is what counts, and its system takes the last of a window late.
    ends = run["ends"] if kind.rest else run["quiet"]
    return Stalled(
        kind=kind.name,
        alive=run["alive"],
        early=min(run["ends"], default=0.0) - DEADLINE,
        late=max(ends, default=0.0) - DEADLINE,
        memory=run["memory"] // kind.count,
        sockets=run["sockets"] // kind.count,
        p99=(figures_of(calm).p99, figures_of(beside).p99),
    )


def _extra(found: Sequence[Stalled]) -> dict[str, str]:
    def each(texts: Sequence[str]) -> str:
        return " / ".join(texts)

    return {
        "ended after s": each([f"{DEADLINE + one.late:.1f}" if not one.alive else "never" for one in found]),
        "KiB each": each([f"{one.memory / 1024:.0f}" for one in found]),
        "KiB of sockets": each([f"{one.sockets / 1024:.0f}" for one in found]),
        "p99 ms alone; beside": f"{found[0].p99[0]:.1f}; " + each([f"{one.p99[1]:.1f}" for one in found]),
    }


SCENARIO = Scenario(
    id="F16",
    title="slow clients",
    injected="1 000 slow heads, then 1 000 slow bodies, then 200 slow readers of 10 MiB, with limits of 3 s",
    target="ended 1 s after their deadline, 64 KiB each, p99 no more than doubled (20 ms are always granted), 0 failed",
    play=play,
    columns=("ended after s", "KiB each", "KiB of sockets", "p99 ms alone; beside"),
)
