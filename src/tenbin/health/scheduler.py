"""When checks run: the one loop that starts them, counts their results and reports changes of health."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tenbin.clock import Clock
    from tenbin.health.result import CheckResult
    from tenbin.health.target import CheckView, HealthChange, Target
    from tenbin.model import ServerId


class Checker:
    """Checks a set of servers and calls `report` for each change of health; used from one event loop only."""

    def __init__(self, clock: Clock, report: Callable[[HealthChange], None]) -> None:
        self._clock = clock
        self._report = report

    def replace(self, targets: Iterable[Target]) -> None:
        """Check exactly these servers from now on; what did not change keeps state, history and schedule."""
        raise NotImplementedError

    async def run(self) -> None:
        """Check until cancelled."""
        raise NotImplementedError

    def trigger(self, server: ServerId) -> None:
        """Check this server at once, as requests to it fail; at most once in its `fast` interval."""
        raise NotImplementedError

    def results(self, server: ServerId) -> tuple[CheckResult, ...]:
        """Return the last 20 results, newest first; none for a server that is not checked."""
        raise NotImplementedError

    def view(self, server: ServerId) -> CheckView:
        """Return the standing of a server; one that is not checked has an unknown health and zeros."""
        raise NotImplementedError
