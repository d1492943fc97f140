"""F12: servers answer in every wrong way of the conformance table, in a loop, beside a healthy one under load."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from conformance.lane import Lane
from conformance.proxies import PROXIES
from conformance.rows import read_rows
from faults.harness.outcome import Figures, Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.traffic import Traffic
from support.kernel import listeners
from tenbin.testing import Lease

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.lane import Outcome as Played
    from conformance.rows import Row
    from tenbin.testing import Summary
    from tenbin.testing.client import Address

LANES = 8
"""Bad servers, each with a listener of its own, so that what they see and send belongs to one row."""


def play(stage: Stage) -> Outcome:
    """Play all rows, again and again, while clients of a healthy server check every answer."""
    rows = [row for row in read_rows() if row.kind == "resp"]
    rounds = round(stage.pick(1, 5))
    healthy = stage.servers.start("server1")
    with Lease(LANES) as lease, PROXIES[stage.contestant]((*lease.ports, healthy), stage.folder) as fronts:
        with Traffic(fronts[-1], stage.mix()) as traffic:
            traffic.wait_done(50)
            proxy = _Proxy(stage.contestant, fronts[-1][1])
            stage.watch(proxy)
            played = asyncio.run(_play(lease.ports, fronts[:-1], rows * rounds))
            summary = traffic.stop()
        return _judged(stage, proxy, summary, played, rounds)


def _judged(stage: Stage, proxy: _Proxy, summary: Summary, played: Sequence[Played], rounds: int) -> Outcome:
    missed = sorted({str(one) for one in played if not one.ok})
    rows = {one.row.id for one in played}

    def goals(figures: Figures) -> Sequence[Goal]:
        return (nothing_failed(figures), Goal("every row is handled as expected", not missed))

    names = sorted({one.row.id for one in played if not one.ok})
    extra = {
        "rows": f"{len(rows) - len(names)} of {len(rows)}",
        "rounds": rounds,
        "rows missed": " ".join(names),
        "first missed": "; ".join(missed[:3]),
    }
    return stage.outcome(proxy, summary, goals, extra)


class _Proxy:
    """A contestant that the conformance runner has started: whoever listens on the port, while it does."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._pids = listeners(port)

    def pids(self) -> list[int]:
        """All its processes."""
        return self._pids


async def _play(ports: Sequence[int], fronts: Sequence[Address], rows: Sequence[Row]) -> list[Played]:
    """Play them all, each in whichever lane is free."""
    queue, found = list(reversed(rows)), []

    async def drive(lane: Lane, front: Address) -> None:
        lane.front = front
        await lane.listen()
        while queue:
            found.append(await lane.play(queue.pop()))
        await lane.close()

    await asyncio.gather(*(drive(Lane(port), front) for port, front in zip(ports, fronts, strict=True)))
    return found


SCENARIO = Scenario(
    id="F12",
    title="servers that answer wrongly",
    injected="every answer of the conformance table from servers beside a healthy one, in a loop",
    target="all rows as expected; healthy 0 failed",
    play=play,
    columns=("rows", "rows missed"),
)
