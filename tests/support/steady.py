"""Healthy traffic from a process of its own: how it fares beside a crowd is not what the crowd's clients cost.

`Steady` runs it; as a program it is that process.
"""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Self

from support.apart import Apart, answer, arguments, listen
from support.certificates import trusting
from tenbin.clock import SystemClock
from tenbin.testing import Load, Record, RunningLoad, Summary, wait_for

if TYPE_CHECKING:
    from types import TracebackType

    from tenbin.testing.client import Address

CLOCK = SystemClock()


class Steady:
    """Requests at a steady rate from some kept connections; seconds count from the beginning."""

    def __init__(self, address: Address, rps: float, target: str, connections: int = 8, ca: Path | None = None) -> None:
        """With `ca`, a file of certificates to trust, requests go over TLS; without connections, each on its own."""
        what = {"rps": rps, "target": target, "connections": connections, "ca": str(ca or "")}
        self._apart = Apart("support.steady", address=address, **what)
        self._began: float = self._apart.hear()

    @property
    def elapsed(self) -> float:
        """Seconds since it began; the clock is the machine's, so both processes have the same."""
        return CLOCK.now() - self._began

    def run_for(self, seconds: float) -> tuple[float, float]:
        """Let it run on; return from when to when that was."""
        begin = self.elapsed
        wait_for(lambda: self.elapsed >= begin + seconds, seconds + 5)
        return begin, self.elapsed

    def stop(self) -> Summary:
        """Send nothing more and return what became of all requests."""
        self._apart.tell("stop")
        return Summary(tuple(Record(*record) for record in self._apart.hear()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._apart.__exit__(kind, error, trace)


def between(summary: Summary, begin: float, end: float) -> Summary:
    """Return the requests that began in this time."""
    return Summary(tuple(record for record in summary.records if begin <= record.start < end))


def main(address: list[object], rps: float, target: str, connections: int, ca: str) -> None:
    """Send until told to stop."""
    load = Load(
        rps=rps,
        duration=600,
        target=target,
        connections=connections,
        keep_alive=connections > 0,
        timeout=10,
        tls=trusting(Path(ca)) if ca else None,
    )
    with RunningLoad((str(address[0]), int(str(address[1]))), load) as running:
        answer(running.began)
        listen()
        answer([astuple(record) for record in running.stop().records])


if __name__ == "__main__":
    main(**arguments())
