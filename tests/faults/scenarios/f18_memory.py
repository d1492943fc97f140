"""F18: a control group has a little more memory than a crowd needs, or less: nobody is killed for it."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faults.harness.ours import Ours
from faults.harness.outcome import Figures, Goal, Outcome
from faults.harness.scenario import Scenario, Stage, milliseconds
from faults.harness.scene import Scene, usage
from faults.scenarios.f17_descriptors import answers, serving
from support.apart import Apart
from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faults.harness.scene import Contestant

MEBIBYTE = 1 << 20
GROUPS = Path("/sys/fs/cgroup/memory")
HALF_A_BODY = "POST /api/fast HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
PLENTY = 4096 * MEBIBYTE
LONGEST = 15.0
"""Seconds until everybody is served again, at most."""


class Group:
    """A control group of version 1 with so many bytes, and processes in it, which keep what they have outside of it."""

    def __init__(self, pids: Sequence[int], limit: int) -> None:
        self.folder = GROUPS / f"tenbin-test-{os.getpid()}-{pids[0]}"
        self.folder.mkdir()
        self._write("memory.limit_in_bytes", limit)
        for pid in pids:
            self._write("cgroup.procs", pid)

    @property
    def most(self) -> int:
        """The bytes that were in use at most."""
        return int((self.folder / "memory.max_usage_in_bytes").read_text())

    @property
    def kills(self) -> int:
        """How many processes the system has ended in it."""
        lines = (self.folder / "memory.oom_control").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def close(self) -> None:
        """Let everybody out and remove it."""
        for pid in (self.folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (GROUPS / "cgroup.procs").write_text(pid)
        wait_for(lambda: self.folder.rmdir() or True, 5, "nobody is in the group")

    def _write(self, name: str, value: int) -> None:
        (self.folder / name).write_text(str(value))


@contextlib.contextmanager
def group(pids: Sequence[int], limit: int) -> Iterator[Group]:
    """Put processes into a control group of their own."""
    made = Group(pids, limit)
    try:
        yield made
    finally:
        made.close()


def missing() -> str:
    """Why there are no control groups here, "" when there are."""
    folder = GROUPS / f"tenbin-test-{os.getpid()}"
    try:
        folder.mkdir()
        folder.rmdir()
    except OSError as error:
        return f"this machine lets no memory control group be made: {error.strerror}"
    return ""


def play(stage: Stage) -> Outcome:
    """Measure what a crowd needs, then grant 1.2 times as much, then 0.8 times as much."""
    count = round(stage.pick(1_000, 4_000))
    scene = Scene(stage.servers.some(2), clients=count + 1_000)
    need, _ = crowd(stage, scene, PLENTY, count)
    most = {share: crowd(stage, scene, round(need.used * share), count) for share in (1.2, 0.8)}
    (roomy, proxy), (tight, _) = most[1.2], most[0.8]

    def goals(figures: Figures) -> Sequence[Goal]:
        del figures
        return (
            Goal("0 kills with 1.2 times the memory", not roomy.kills),
            Goal("0 kills with 0.8 times the memory", not tight.kills),
            Goal("served again afterwards", max(roomy.again, tight.again) < LONGEST),
        )

    extra = {
        "clients": count,
        "need MiB": round(need.used / MEBIBYTE, 1),
        "kills 1.2x / 0.8x": f"{roomy.kills} / {tight.kills}",
        "let in 1.2x / 0.8x": f"{roomy.served} / {tight.served}",
        "served again ms": f"{milliseconds(roomy.again)} / {milliseconds(tight.again)}",
    }
    figures = Figures(2, {}, 0.0, 0.0, 0.0, 0.0)
    return stage.outcome(proxy, figures, goals, extra)


@dataclass(frozen=True, slots=True)
class Crowded:
    """What became of a group under a crowd: bytes at most, kills, clients let in, seconds until all were served."""

    used: int
    kills: int
    served: int
    again: float


def crowd(stage: Stage, scene: Scene, limit: int, count: int) -> tuple[Crowded, Contestant]:
    """Let clients come all at once, each with half a body, into a proxy of its own in a group of its own."""
    proxy = stage.start(scene)
    pids = serving(proxy)
    with group(pids, limit) as made:
        if isinstance(proxy, Ours):
            wait_for(lambda: proxy.tenbin.status()["process"]["memory_limit"] < limit, 5, "the group is seen")
        with Apart("support.crowd", address=proxy.address, count=count, first=HALF_A_BODY, rest="x", rate=0) as slow:
            slow.hear(60)
            let_in = settled(stage, lambda: connections(proxy))
        again = stage.seconds_until(lambda: answers(proxy.address), LONGEST)
        return Crowded(made.most, made.kills, let_in, again), proxy


def settled(stage: Stage, measure: Callable[[], int]) -> int:
    """Return a number once it has not changed for a second."""
    found, since = measure(), stage.clock.now()
    end = since + LONGEST
    while stage.clock.now() < min(end, since + 1):
        threading.Event().wait(0.1)
        if (now := measure()) != found:
            found, since = now, stage.clock.now()
    return found


def connections(proxy: Contestant) -> int:
    """Return how many descriptors those hold that serve clients."""
    return sum(usage((pid,)).descriptors for pid in serving(proxy))


SCENARIO = Scenario(
    id="F18",
    title="memory runs short",
    injected="4 000 clients at once with half a body each, in a memory control group of 1.2 and 0.8 times their need",
    target="0 kills, served again when they are gone",
    play=play,
    columns=("clients", "need MiB", "kills 1.2x / 0.8x", "let in 1.2x / 0.8x", "served again ms"),
    needs=missing,
)
