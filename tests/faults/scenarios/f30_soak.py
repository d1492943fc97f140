"""F30: a long time of mixed load, and something else breaks every few seconds; the seed says what.

What was in flight on a server or a data plane that was killed has a cause and is counted apart, as are requests that
must not be sent twice and met a server that hung. Every other failure is one too many, and nothing may grow.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from faults.harness import mischief, trend
from faults.harness.blame import judge
from faults.harness.dice import Dice
from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import SEED, Scenario, Stage
from faults.harness.scene import Scene
from tenbin.testing import Load, RunningLoad, Summary, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.blame import Injury
    from tenbin.testing import Record
    from tenbin.testing.client import Address

LOADS = {
    "GET": Load(150, 0, "/echo", connections=15, tagged=True),
    "new connection": Load(50, 0, "/echo", keep_alive=False, tagged=True),
    "POST": Load(20, 0, "/echo", method="POST", body=b"a body that is echoed", tagged=True),
    "upload": Load(3, 0, "/echo", method="POST", body=b"x" * 100_000, tagged=True),
    "download": Load(3, 0, "/bytes?n=1000000"),
}
LONG = 600.0
"""Seconds from which on a slope says something."""

MEMORY, DESCRIPTORS = 8.0, 6.0
"""An hour's growth that passes for none: MiB of noise in a process of 50, and a descriptor or two at the end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a soak is, how often something breaks, how long a process needs to fill its pools, and the seed."""

    seconds: float
    period: float
    warm_up: float
    seed: int = SEED


SHORT = Plan(seconds=26, period=2, warm_up=5)
FULL = Plan(seconds=150, period=5, warm_up=20)


def play(stage: Stage) -> Outcome:
    """Play the plan of this length."""
    return soak(stage, FULL if stage.full else SHORT)


def soak(stage: Stage, plan: Plan) -> Outcome:
    """Break one thing after the other under load; look at the processes whenever all is well."""
    scene = Scene(stage.servers.some(3), answer=3.0, every=0.5, more={"log": "/dev/null"})
    proxy = stage.start(scene)
    assert isinstance(proxy, Ours)
    dice = Dice(plan.seed)
    done: Counter[str] = Counter()
    injuries: list[Injury] = []
    samples: dict[str, list[trend.Sample]] = {"control plane": [], "data plane": []}
    with Loads(proxy.address, plan.seconds + 60) as loads:
        field = mischief.Field(proxy, scene, stage.servers, dice, loads.elapsed, loads.rest, plan.period)
        stage.watch(proxy)
        for turn, name in enumerate(mischief.turns(dice, int(plan.seconds / plan.period))):
            injuries += mischief.do(name, field)
            done[name] += 1
            loads.rest(max((turn + 1) * plan.period - loads.elapsed(), 0.3))
            _look(proxy, loads.elapsed(), samples)
        records = loads.stop()
    verdict = judge(records, injuries)
    growth = {name: trend.growth(some, plan.warm_up) for name, some in samples.items()}
    left = _left(proxy)
    goals = [
        *_goals(plan, verdict.unexplained, growth),
        Goal("no connection stays when all clients are gone", not left),
    ]
    every = sorted((record for some in records.values() for record in some), key=lambda record: record.start)
    extra = {
        "seconds": round(every[-1].start) if every else 0,
        "seed": plan.seed,
        "faults": sum(done.values()),
        "explained": sum(verdict.explained.values()),
        "unexplained": len(verdict.unexplained),
        "connections left": left,
        "first unexplained": "; ".join(verdict.unexplained[:5]),
        **{f"after {name}": count for name, count in verdict.explained.items()},
        **{f"{name} MiB an hour": one.memory for name, one in growth.items()},
        **{f"{name} descriptors an hour": one.descriptors for name, one in growth.items()},
        **{f"{name} MiB": one.last_memory for name, one in growth.items()},
        **{f"{name} lives": one.lives for name, one in growth.items()},
        **{f"faults: {name}": count for name, count in sorted(done.items())},
    }
    return stage.outcome(proxy, Summary(tuple(every)), lambda _: goals, extra)


class Loads:
    """All kinds of traffic beside each other, on one clock."""

    def __init__(self, address: Address, longest: float) -> None:
        self._stack = ExitStack()
        self._runs = {
            name: self._stack.enter_context(RunningLoad(address, replace(load, duration=longest)))
            for name, load in LOADS.items()
        }
        self._first = self._runs["GET"]

    def elapsed(self) -> float:
        """Seconds since it began."""
        return self._first.elapsed

    def rest(self, seconds: float) -> None:
        """Let it run on."""
        self._first.wait_until(self.elapsed() + seconds)

    def stop(self) -> dict[str, list[Record]]:
        """End, and return what came of it by kind, on one clock."""
        return {
            name: [replace(one, start=one.start + run.began - self._first.began) for one in run.stop().records]
            for name, run in self._runs.items()
        }

    def __enter__(self) -> Self:
        wait_for(lambda: all(run.done > 3 for run in self._runs.values()), 15, "all kinds of traffic flow")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _look(proxy: Ours, second: float, samples: dict[str, list[trend.Sample]]) -> None:
    looks = {
        "control plane": trend.sample(second, proxy.tenbin.pid),
        "data plane": trend.sample_data_plane(second, proxy.tenbin.status()),
    }
    for name, found in looks.items():
        samples[name] += [found] if found else []


def _left(proxy: Ours) -> int:
    """Return how many client connections there are when all clients have been gone for a while."""

    def now() -> int:
        return int(proxy.tenbin.status()["process"]["connections"])

    try:
        wait_for(lambda: now() == 0, 15)
    except AssertionError:
        return now()
    return 0


def _goals(plan: Plan, unexplained: Sequence[str], growth: dict[str, trend.Growth]) -> list[Goal]:
    goals = [Goal("0 failures without a cause", not unexplained)]
    if plan.seconds >= LONG:
        for name, one in growth.items():
            goals += [
                Goal(f"memory of the {name} does not grow", one.memory < MEMORY),
                Goal(f"descriptors of the {name} do not grow", one.descriptors < DESCRIPTORS),
            ]
    return goals


SCENARIO = Scenario(
    id="F30",
    title="a soak",
    injected="mixed load and another fault every few seconds, by chance from a fixed seed",
    target="0 failures without a cause, no growth of memory or descriptors",
    play=play,
    columns=(
        "seconds",
        "faults",
        "explained",
        "unexplained",
        *(f"{name} {what} an hour" for name in ("control plane", "data plane") for what in ("MiB", "descriptors")),
    ),
    contestants=("tenbin",),
)
