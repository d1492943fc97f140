"""What active checks found of one server, in the form that status, metrics and journal show.

Owns the shape only; who checks fills it in. Texts that come from servers are expected to be bounded already, and are
escaped again by whoever prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads the annotation


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """One finished check: `status` such as L4CON, its HTTP status or exit code, seconds taken, and its end (UTC)."""

    status: str
    code: int | None
    duration: float
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """A server's standing with its check: the last result, the counts that decide, and the latest results.

    `status`, `code`, `duration` (seconds) and `text` are the last result's; status "INI" before the first one.
    `description` is HAProxy's long name of the status.
    `passes` and `failures` are results in a row, one of them is 0; `rise` and `fall` are how many are needed.
    `level` is HAProxy's `check_health`: 0 to rise + fall - 1, at least `rise` while the server counts as up. The
    totals and `downs` (times it went down) count since the server was first known; `failed_alive` are failures of a
    server that was not quite down, `suspicions` how often requests met too many errors in a row. `history` is newest
    first, at most 20. `running`: a check is under way.
    """

    status: str
    code: int | None
    duration: float
    text: str
    description: str
    passes: int
    failures: int
    rise: int
    fall: int
    level: int
    passed_total: int
    failed_total: int
    downs: int
    failed_alive: int = 0
    suspicions: int = 0
    running: bool = False
    history: tuple[CheckEntry, ...] = ()

    def __str__(self) -> str:
        code = "" if self.code is None else f" {self.code}"
        return f"{self.status}{code} {self.text}".rstrip()
