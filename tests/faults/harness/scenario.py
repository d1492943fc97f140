"""A scenario: what is broken, what is reported, what must hold; and the stage that it is played on.

Owns the shape of a scenario and what every one of them needs. What single ones do is in `faults.scenarios`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from faults.harness.contestants import start
from faults.harness.outcome import Figures, Goal, Outcome, Usage, Value, figures_of
from faults.harness.scene import Contestant, Measured, Scene, usage
from faults.harness.traffic import Mix, Traffic
from support.servers import Servers
from tenbin.clock import SystemClock
from tenbin.testing import Lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from pathlib import Path

    from tenbin.testing import Summary

Length = Literal["short", "full"]
Network = Literal["", "own"]

SEED = 20_261
"""Every choice by chance in a scenario begins here."""

_SHORT = Mix(clients=10, fresh=40)
_FULL = Mix(clients=30, fresh=150)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault. `play` injects it and judges; `columns` name the extra figures that it reports.

    `network` is "own" when packets are dropped or sockets killed: it is then played in a network namespace of its own,
    which is gone with its processes. `contestants` are those that can take part; `needs` says what this machine
    lacks, "" for nothing.
    """

    id: str
    title: str
    injected: str
    target: str
    play: Callable[[Stage], Outcome]
    columns: tuple[str, ...] = ()
    network: Network = ""
    contestants: tuple[str, ...] = ("tenbin", "haproxy", "nginx")
    needs: Callable[[], str] = lambda: ""


class Stage:
    """What a scenario plays with: servers, a contestant, traffic, a clock and a seed."""

    def __init__(self, scenario: Scenario, contestant: str, length: Length, folder: Path) -> None:
        self.scenario = scenario
        self.contestant = contestant
        self.length: Length = length
        self.folder = folder
        self.clock = SystemClock(SEED)
        self.stack = ExitStack()
        self.servers = self.stack.enter_context(Servers(folder))
        self._before: dict[str, Usage] = {}

    @property
    def full(self) -> bool:
        """Whether the full length is wanted."""
        return self.length == "full"

    @property
    def patience(self) -> float:
        """By how much a limit of time is stretched: a test shares its machine with others."""
        return self.pick(1.6, 1.0)

    def pick(self, short: float, full: float) -> float:
        """Return the number for this length."""
        return full if self.full else short

    def mix(self) -> Mix:
        """Return the load for this length."""
        return _FULL if self.full else _SHORT

    def ports(self, count: int) -> tuple[int, ...]:
        """Return ports that nobody else takes while the stage stands."""
        return self.stack.enter_context(Lease(count)).ports

    def start(self, scene: Scene) -> Contestant:
        """Start the contestant on a scene; it ends with the stage. Servers that it can check are up on return."""
        running = self.stack.enter_context(start(self.contestant, scene, self.folder))
        wait_for(lambda: all(running.health(name) in ("up", "") for name in scene.servers), 10, "all servers are up")
        return running

    @contextmanager
    def traffic(self, contestant: Contestant, mix: Mix | None = None) -> Iterator[Traffic]:
        """Run traffic against a contestant; it has begun to flow when this returns."""
        with Traffic(contestant.address, mix or self.mix()) as running:
            running.wait_done(50)
            self.watch(contestant)
            yield running

    def watch(self, contestant: Measured) -> None:
        """Remember what its processes hold before anything is broken."""
        self._before[contestant.name] = usage(contestant.pids())

    def seconds_until(self, condition: Callable[[], object], deadline: float) -> float:
        """Wait for a condition and return how long that took; infinity when it did not come true in time."""
        begin = self.clock.now()
        try:
            wait_for(condition, deadline)
        except AssertionError:
            return float("inf")
        return self.clock.now() - begin

    def outcome(
        self,
        contestant: Measured,
        load: Summary | Figures,
        goals: Callable[[Figures], Sequence[Goal]],
        extra: Mapping[str, Value] | None = None,
        expected: Container[int] = (200,),
    ) -> Outcome:
        """Judge: `goals` are asked with the load's figures, in which statuses that are not expected have failed."""
        figures = load if isinstance(load, Figures) else figures_of(load, expected)
        after = usage(contestant.pids())
        before = self._before.get(contestant.name, after)
        missed = tuple(goal.text for goal in goals(figures) if not goal.reached)
        return Outcome(
            scenario=self.scenario.id,
            contestant=contestant.name,
            length=self.length,
            figures=figures,
            before=before,
            after=after,
            extra=dict(extra or {}),
            missed=missed,
        )

    def close(self) -> None:
        """End everything that was started."""
        self.stack.close()


def milliseconds(seconds: float, known: bool = True) -> Value:
    """Return a time as the reports show it; what a contestant does not tell is `-`."""
    if not known:
        return "-"
    return round(seconds * 1000) if seconds < float("inf") else "never"


def nothing_failed(figures: Figures) -> Goal:
    """The target of most scenarios."""
    return Goal("0 failed", figures.failures == 0)
