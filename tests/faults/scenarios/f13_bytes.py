"""F13: bodies in single bytes and odd pieces, through tiny windows, both ways, in every framing: equal by hash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING

from faults.harness.bulk import BulkServer, Cell, run
from faults.harness.ours import Ours
from faults.harness.outcome import Figures, Goal, Outcome
from faults.harness.scenario import Scenario, Stage
from faults.harness.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.harness.bulk import Ran
    from tenbin.testing.client import Address

FRAMINGS = (("down", "length"), ("down", "chunked"), ("down", "close"), ("up", "length"), ("up", "chunked"))
CUTS = ("bytes", "pieces", "large")
AT_ONCE = 6


def play(stage: Stage) -> Outcome:
    """Carry every kind of body once, some at a time; through TCP mode too where that is at hand."""
    server = stage.stack.enter_context(BulkServer())
    proxy = stage.start(Scene({"only": server.port}, answer=30, more=_tcp(server.port)))
    ways: list[Address] = [proxy.address]
    if isinstance(proxy, Ours):
        ways.append(proxy.tenbin.address_of("listen2"))
    begin = stage.clock.now()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        work = [(cell, way) for way in ways for cell in _cells(stage, ways.index(way))]
        ran = list(pool.map(lambda one: run(*one), work))
    seconds = stage.clock.now() - begin
    unequal = [f"{one.cell}: {one.error or 'other bytes'}" for one in ran if not one.equal]
    carried = sum(one.cell.size for one in ran if one.equal)

    def goals(_: Figures) -> Sequence[Goal]:
        return (Goal("every byte arrives as it was", not unequal),)

    extra = {
        "bodies": len(ran),
        "MiB": round(carried / 2**20),
        "seconds": round(seconds),
        "first unequal": "; ".join(unequal[:3]),
    }
    return stage.outcome(proxy, _figures(ran, unequal), goals, extra)


def _cells(stage: Stage, number: int) -> Iterator[Cell]:
    """Return the bodies; a tiny window makes them slow, so these are short.

    A longer one would lie in the system's buffers for longer than a server may take to answer.
    """
    for seed, ((way, framing), cut, tiny) in enumerate(product(FRAMINGS, CUTS, (False, True))):
        size = stage.pick(96 << 10, 256 << 10) if tiny else stage.pick(700_001, 36_000_001)
        yield Cell(way, framing, cut, tiny, round(size), 1000 * number + seed)  # type: ignore[arg-type]


def _tcp(port: int) -> dict[str, object]:
    """Return the same server behind a frontend in TCP mode, beside the one for HTTP."""
    server = {"only": f"127.0.0.1:{port}"}
    return {
        "frontends": {
            "web": {"listen": ["{listen}"], "routes": [{"backend": "app"}]},
            "raw": {"mode": "tcp", "listen": ["{listen2}"], "routes": [{"backend": "raw"}]},
        },
        "backends": {
            "app": {"servers": server, "check": {"http": "GET /health", "every": "500ms"}},
            "raw": {"mode": "tcp", "servers": server},
        },
    }


def _figures(ran: Sequence[Ran], unequal: Sequence[str]) -> Figures:
    failed = {"wrong body": len(unequal)} if unequal else {}
    return Figures(len(ran), failed, 0.0, 0.0, 0.0, 0.0, tuple(unequal[:5]))


SCENARIO = Scenario(
    id="F13",
    title="bytes in odd pieces",
    injected="bodies in single bytes and odd pieces, tiny windows and segments, both ways, every framing, TCP mode too",
    target="1 GB arrives as it was sent, by hash",
    play=play,
    columns=("bodies", "MiB", "seconds"),
)
