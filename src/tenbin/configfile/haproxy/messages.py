"""Problems in HAProxy's shape, as `haproxy -c` prints them, and the report of what becomes of each directive."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.context import Standing
from tenbin.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tenbin.configfile.haproxy.context import Entry, Problem

_LABELS = {Severity.ERROR: "[ALERT]   ", Severity.WARNING: "[WARNING] "}


def render(problems: Iterable[Problem], pid: int) -> str:
    """Each problem on a line of its own, with the column and a hint behind HAProxy's words; "" for none."""
    return "".join(f"{_render(problem, pid)}\n" for problem in problems)


def _render(problem: Problem, pid: int) -> str:
    where = f"parsing [{problem.file}:{problem.line}] : " if problem.line else ""
    shown = problem.diagnostic
    behind = f" (column {shown.column})" if problem.line and shown.column > 1 else ""
    hint = f" - {shown.hint}" if shown.hint else ""
    return f"{_LABELS[problem.severity]} ({pid}) : config : {where}{problem.message}{behind}{hint}"


def report(entries: Sequence[Entry]) -> str:
    """A line for each directive, and how many there are of each kind."""
    width = max((len(_place(entry)) for entry in entries), default=0)
    lines = []
    for entry in entries:
        why = f"  # {entry.why}" if entry.why else ""
        lines.append(f"{_place(entry):{width}}  {entry.standing.value:12}  {entry.directive}{why}")
    counted = Counter(entry.standing for entry in entries)
    summary = ", ".join(f"{counted[standing]} {standing.value}" for standing in Standing)
    return "\n".join([*lines, f"{len(entries)} directives: {summary}"])


def _place(entry: Entry) -> str:
    return f"{entry.file}:{entry.line}"
