"""F19: the disk with the access log is full for a while; then there is room again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.disk import SmallDisk
from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant

LONG = "/api/whoami?" + "x" * 900
"""So long that a disk of 64 KiB holds a few dozen lines."""


def play(stage: Stage) -> Outcome:
    """Fill it, go on for a while, make room, go on."""
    disk = stage.stack.enter_context(SmallDisk(stage.folder))
    proxy = stage.start(Scene(stage.servers.some(2), log=str(disk.file)))
    with stage.traffic(proxy, replace(stage.mix(), target=LONG)) as traffic:
        traffic.run_for(stage.pick(2, 6))
        kept = len(disk.text())
        disk.grow()
        traffic.run_for(stage.pick(1, 4))
        summary = traffic.stop()
    exact = counts_exactly(proxy, disk.text)
    text = disk.text()
    lines = text.splitlines()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("lines and drops together are the requests", exact),
            Goal("no line stays torn", not torn(proxy, text)),
            Goal("it writes again when there is room", not disk.real or len(text) > kept),
        )

    dropped = dropped_by(proxy, len(summary.records) - len(lines))
    extra = {"lines written": len(lines), "lines dropped": dropped, "torn lines": torn(proxy, text)}
    return stage.outcome(proxy, summary, goals, extra)


def counts_exactly(proxy: Contestant, text: object) -> bool:
    """Whether lines that were written and lines that were counted as dropped are all; who counts nothing may not."""
    if not isinstance(proxy, Ours):
        return True
    assert callable(text)

    def together() -> bool:
        process = proxy.tenbin.status()["process"]
        return bool(text().count("\n") + process["log_dropped"] == process["requests"])

    try:
        wait_for(together, 5)
    except AssertionError:
        return False
    return True


def dropped_by(proxy: Contestant, missing: int) -> int | str:
    """Return what a contestant says that it dropped; others do not say it, and `missing` is what is not there."""
    if isinstance(proxy, Ours):
        return int(proxy.tenbin.status()["process"]["log_dropped"])
    return f"{missing}, not counted"


def torn(proxy: Contestant, text: str) -> int:
    """Return how many lines are not whole."""
    return sum(not _whole(proxy, line) for line in text.splitlines()) + (bool(text) and not text.endswith("\n"))


def _whole(proxy: Contestant, line: str) -> bool:
    if not isinstance(proxy, Ours):
        return line.endswith('"')
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


SCENARIO = Scenario(
    id="F19",
    title="the log's disk is full",
    injected="an access log on a disk of 64 KiB, which fills, and grows after a while",
    target="0 failed, drops counted exactly, no torn line, written again when there is room",
    play=play,
    columns=("lines written", "lines dropped", "torn lines"),
    contestants=("tenbin", "nginx"),
)
