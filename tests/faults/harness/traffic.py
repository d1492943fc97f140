"""The load under a fault: keep-alive clients and new connections beside each other, every answer checked.

A keep-alive client sees a close that came before it writes and opens another connection; a close that comes after it
wrote is a failure. Requests leave at their time, whatever became of the ones before.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from tenbin.testing import Load, RunningLoad, Summary, wait_for

if TYPE_CHECKING:
    from types import TracebackType

    from tenbin.testing.client import Address

BODY = b"a body that is echoed"


@dataclass(frozen=True, slots=True)
class Mix:
    """How much of each: so many clients that each send ten GETs a second, new connections and POSTs a second."""

    clients: int = 20
    fresh: float = 60
    posts: float = 0
    target: str = "/echo"
    timeout: float = 10.0

    def loads(self, longest: float) -> list[Load]:
        """Return the single loads, which stop by themselves after so many seconds."""
        tagged = self.target == "/echo"
        kept = Load(self.clients * 10, longest, self.target, timeout=self.timeout, tagged=tagged)
        found = []
        if self.clients:
            found.append(replace(kept, connections=self.clients))
        if self.fresh:
            found.append(replace(kept, rps=self.fresh, keep_alive=False))
        if self.posts:
            found.append(replace(kept, rps=self.posts, method="POST", body=BODY))
        return found


class Traffic:
    """A running mix; seconds count from its beginning."""

    def __init__(self, address: Address, mix: Mix, longest: float = 300) -> None:
        self._stack = ExitStack()
        self._runs = [self._stack.enter_context(RunningLoad(address, load)) for load in mix.loads(longest)]
        self._methods = [load.method for load in mix.loads(longest)]

    @property
    def elapsed(self) -> float:
        """Seconds since the traffic began."""
        return self._runs[0].elapsed

    @property
    def done(self) -> int:
        """How many requests have ended."""
        return sum(run.done for run in self._runs)

    def run_until(self, second: float) -> None:
        """Let it run until it is so many seconds old."""
        self._runs[0].wait_until(second)

    def run_for(self, seconds: float) -> None:
        """Let it run on for so many seconds."""
        self.run_until(self.elapsed + seconds)

    def wait_done(self, count: int, deadline: float = 10.0) -> None:
        """Wait until so many more requests have ended."""
        wanted = self.done + count
        wait_for(lambda: self.done >= wanted, deadline, lambda: f"{wanted} requests; {self.done} have ended")

    def stop(self, *methods: str) -> Summary:
        """Send nothing more, wait for what is under way, and return the requests of these methods (none: of all)."""
        began = self._runs[0].began
        found = []
        for run, method in zip(self._runs, self._methods, strict=True):
            records = run.stop().records
            if not methods or method in methods:
                found += [replace(record, start=record.start + run.began - began) for record in records]
        return Summary(tuple(sorted(found, key=lambda record: record.start)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
