"""Plays the corpus through a proxy.

As a program it prints how proxies compare: `PYTHONPATH=src:tests python -m conformance.run haproxy nginx tenbin`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.lane import Lane
from conformance.proxies import PROXIES
from conformance.rows import CORPUS, Row, read_rows
from tenbin.testing import Lease

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.lane import Outcome

LANES = 24
_BYTEWISE = 1024


def play(proxy: str, rows: Sequence[Row]) -> list[Outcome]:
    """Play all rows through a proxy, the short requests a second time one byte a segment."""
    work = [(row, "") for row in rows]
    work += [(row, "bytewise") for row in rows if row.kind == "req" and len(row.raw) <= _BYTEWISE]
    with tempfile.TemporaryDirectory() as folder, Lease(LANES) as lease:
        return asyncio.run(_play(proxy, work, Path(folder), lease.ports))


async def _play(proxy: str, work: Sequence[tuple[Row, str]], folder: Path, ports: Sequence[int]) -> list[Outcome]:
    lanes = [Lane(port) for port in ports]
    for lane in lanes:
        await lane.listen()
    queue = list(reversed(work))
    outcomes: list[Outcome] = []

    async def drive(lane: Lane) -> None:
        while queue:
            outcomes.append(await lane.play(*queue.pop()))

    with PROXIES[proxy](ports, folder) as fronts:
        for lane, front in zip(lanes, fronts, strict=True):
            lane.front = front
        await asyncio.gather(*(drive(lane) for lane in lanes))
        for lane in lanes:
            await lane.close()
    return sorted(outcomes, key=lambda outcome: outcome.name)


def main(arguments: Sequence[str]) -> int:
    """Print failures of each proxy and a table of passes."""
    path = next((Path(text) for text in arguments if text.endswith(".tsv")), CORPUS)
    rows = read_rows(path)
    table = []
    for proxy in (text for text in arguments if text in PROXIES):
        outcomes = play(proxy, rows)
        for outcome in outcomes:
            if not outcome.ok:
                print(f"{proxy}  {outcome}")  # noqa: T201
        for kind in ("req", "resp"):
            mine = [outcome for outcome in outcomes if outcome.row.kind == kind]
            table.append(f"{proxy:10} {kind:5} {sum(o.ok for o in mine):4} of {len(mine):4}")
    print("\n".join(table))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
