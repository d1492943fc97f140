"""Plays the corpus through proxies and compares them.

`PYTHONPATH=src:tests python -m conformance.run haproxy nginx tenbin --results FOLDER`; without names, all there are.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.framed import TOLERATED
from conformance.judge import SPLIT, split_problems
from conformance.lane import BYTEWISE, Lane
from conformance.proxies import OWN, PROXIES, available, version
from conformance.rows import CORPUS, FRAMES, Row, read_rows
from conformance.summary import COMPARED, Summary, save, summary, table
from support.machine import facts
from tenbin.testing import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from conformance.judge import Outcome
    from tenbin.testing.client import Address

    Start = Callable[[], AbstractContextManager[list[Address]]]

LANES = 24
_STRIDE = 7
_LATE = ("408", "504", "hang", "stalled", TOLERATED)


def play(proxy: str, rows: Sequence[Row]) -> list[Outcome]:
    """Play all rows through a proxy, whole and one byte a segment; what drips does so anyway."""
    outcomes: list[Outcome] = []
    for framed in (False, True):
        some = [row for row in rows if (row.kind == "h2") == framed]
        work = [(row, "") for row in some]
        work += [(row, BYTEWISE) for row in some if row.raw and row.after != "drip"]
        if work:
            with tempfile.TemporaryDirectory() as folder, Lease(LANES) as lease:
                start = partial(PROXIES[proxy], lease.ports, Path(folder), framed=framed)
                outcomes += asyncio.run(_play(start, work, [Lane(port) for port in lease.ports]))
    return sorted(_held_together(outcomes), key=lambda outcome: outcome.name)


async def _play(start: Start, work: Sequence[tuple[Row, str]], lanes: Sequence[Lane]) -> list[Outcome]:
    for lane in lanes:
        await lane.listen()
    # Rows that end in a timeout stand near each other: spread, they are waited for side by side with all others.
    queue = [work[i] for start in range(_STRIDE) for i in range(start, len(work), _STRIDE)]
    outcomes: list[Outcome] = []

    async def drive(lane: Lane) -> None:
        while queue:
            outcomes.append(await lane.play(*queue.pop()))

    with start() as fronts:
        for lane, front in zip(lanes, fronts, strict=True):
            lane.front = front
        await asyncio.gather(*(drive(lane) for lane in lanes))
        # Late or cut short on a busy machine is no fault of a proxy; alone it is.
        again = {
            one.row.id for one in _held_together(outcomes) if (one.got in _LATE and not one.ok) or one.broke(SPLIT)
        }
        for i, outcome in enumerate(outcomes):
            if outcome.row.id in again and (outcome.ok or outcome.got in _LATE):
                outcomes[i] = await lanes[0].play(outcome.row, outcome.variant)
        for lane in lanes:
            await lane.close()
    return outcomes


def _held_together(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Hold what came of the bytes one by one against what came of them in one piece."""
    whole = {outcome.row.id: outcome for outcome in outcomes if not outcome.variant}
    return [
        replace(one, problems=(*one.problems, *split_problems(whole[one.row.id], one))) if one.variant else one
        for one in outcomes
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was wrong at each proxy and how they compare; return 1 when something was wrong at Tenbin."""
    parser = argparse.ArgumentParser(prog="python -m conformance.run")
    parser.add_argument("proxies", nargs="*", choices=[[], *PROXIES], metavar="PROXY", help=", ".join(PROXIES))
    parser.add_argument("--rows", type=Path, nargs="+", default=[CORPUS, FRAMES], help="other tables of rows")
    parser.add_argument("--results", type=Path, help="a folder for conformance.md and conformance.json")
    chosen = parser.parse_args(arguments)
    rows = [row for table in chosen.rows for row in read_rows(table)]
    summaries: list[Summary] = []
    failed = False
    for proxy in chosen.proxies or available():
        outcomes = play(proxy, rows)
        wrong = [outcome for outcome in outcomes if not outcome.ok]
        failed |= bool(wrong) and proxy in OWN
        # Only ours is held to every rule: which fields others pass on is their own affair.
        shown = wrong if proxy in OWN else [outcome for outcome in wrong if any(map(outcome.broke, COMPARED))]
        sys.stdout.writelines(f"{proxy}  {outcome}\n" for outcome in shown)
        summaries += summary(proxy, version(proxy), outcomes)
    sys.stdout.write(table(summaries))
    if chosen.results is not None:
        save(chosen.results, facts(), summaries)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
