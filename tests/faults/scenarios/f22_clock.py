"""F22: the date jumps by an hour and by a day, forwards and back, under load."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from faults.harness.timewarp import Warp, missing
from tenbin.testing import Client, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant

HOUR, DAY = 3600, 86_400
JUMPS = (HOUR, -HOUR, DAY, -DAY, 0)
"""Where the date is in turn, seconds from the right one."""

STICKY = {"sticky": {"cookie": "C", "max_idle": "30h", "max_life": "60h"}}
"""Cookies that bear a jump of a day."""


def play(stage: Stage) -> Outcome:
    """Jump, and see that nothing that was waiting for something has waited longer or shorter."""
    warp, file = Warp(stage.folder), stage.folder / "access.log"
    servers = stage.servers.some(3)
    with warp.begun():
        proxy = stage.start(Scene(servers, log=str(file), backend=STICKY))
    kept = Client(proxy.address)
    first = kept.get("/api/whoami")
    cookie = first.header("set-cookie").partition(";")[0]
    strayed, wrong_dates = 0, 0
    with stage.traffic(proxy) as traffic:
        for seconds in JUMPS:
            warp.jump(seconds)
            traffic.run_for(stage.pick(1.2, 6))
            wrong_dates += isinstance(proxy, Ours) and not _dated(stage, file, seconds)
            answer = kept.get("/api/whoami", ("Cookie", cookie))
            strayed += answer.server != first.server
        summary = traffic.stop()
    kept.close()
    downs = _downs(proxy, servers)
    sticks = isinstance(proxy, Ours)

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("no stall", figures.gap < 500),
            Goal("no check fails", downs == 0),
            Goal("clients stay where they are", not (sticks and strayed)),
            Goal("the log has the new date at once", not wrong_dates),
        )

    extra = {"jumps": len(JUMPS), "servers thought down": downs, "clients that strayed": strayed if sticks else "-"}
    return stage.outcome(proxy, summary, goals, extra)


def _dated(stage: Stage, file: Path, seconds: int) -> bool:
    """Whether lines with the date of the jump come; of one that goes to nginx or HAProxy nobody knows."""

    def new() -> bool:
        lines = file.read_text().splitlines()
        date = datetime.fromisoformat(json.loads(lines[-1])["time"])
        return abs(date - stage.clock.wall() - timedelta(seconds=seconds)) < timedelta(seconds=5)

    try:
        return wait_for(new, 2)
    except AssertionError:
        return False


def _downs(proxy: Contestant, servers: Sequence[str] | dict[str, int]) -> int:
    """Return how often servers went down, or how many are for those who do not count it."""
    if isinstance(proxy, Ours):
        return sum(int(proxy.tenbin.server(f"app/{name}")["downs"]) for name in servers)
    return sum(proxy.health(name) == "down" for name in servers)


SCENARIO = Scenario(
    id="F22",
    title="the date jumps",
    injected="the date by an hour and a day, forwards and back",
    target="0 failed, no false timeout or check, cookies and logs go on",
    play=play,
    columns=("servers thought down", "clients that strayed"),
    needs=missing,
)
