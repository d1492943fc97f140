"""What a checker knows of a server, in the form that status and statistics show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.health.result import CheckStatus
from tenbin.observe.checks import CheckEntry, CheckSummary

if TYPE_CHECKING:
    from tenbin.health import Checker, CheckResult
    from tenbin.model import ServerId


def summary(checker: Checker, server: ServerId) -> CheckSummary | None:
    """Return a server's standing; None for one that is not checked."""
    view = checker.view(server)
    if not view.rise:
        return None
    last = view.last
    return CheckSummary(
        status=last.status if last else "INI",
        code=last.code if last else None,
        duration=last.duration if last else 0.0,
        text=last.text if last else "",
        description=(last.status if last else CheckStatus.INI).text,
        passes=view.passes,
        failures=view.failures,
        rise=view.rise,
        fall=view.fall,
        level=view.value,
        passed_total=view.passed_total,
        failed_total=view.failed_total,
        failed_alive=view.failed_alive,
        suspicions=view.suspicions,
        downs=view.downs,
        running=view.running,
        history=tuple(_entry(result) for result in checker.results(server)),
    )


def _entry(result: CheckResult) -> CheckEntry:
    return CheckEntry(result.status, result.code, result.duration, result.text, result.at)
