"""Which failures have a cause: what was broken when, and what that may cost.

A failed request is explained when an injury that may cost such a request touched the time in which it was under way.
Everything else is unexplained, and one of these is one too many.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.harness.outcome import kind_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tenbin.testing import Record

CUT = frozenset({"reset", "truncated"})
"""How a request ends whose connection is torn."""

REFUSED = frozenset({"unexpected status"})
"""How a request ends that must not be sent twice: 502 or 504."""


@dataclass(frozen=True, slots=True)
class Injury:
    """What was broken from `begin` to `end`; `costs` are kinds of failure by kind of traffic, all others none."""

    name: str
    begin: float
    end: float
    costs: Mapping[str, frozenset[str]]

    def explains(self, traffic: str, record: Record) -> bool:
        """Whether it may have cost this request."""
        touched = record.start <= self.end and self.begin <= record.start + record.latency
        return touched and kind_of(record) in self.costs.get(traffic, frozenset())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Failures by what caused them, and those without a cause."""

    explained: Mapping[str, int]
    unexplained: tuple[str, ...]


def judge(records: Mapping[str, Iterable[Record]], injuries: Sequence[Injury]) -> Verdict:
    """Look for the cause of every failure; `records` are by kind of traffic."""
    explained: Counter[str] = Counter()
    unexplained = []
    for traffic, some in records.items():
        for record in some:
            if not kind_of(record):
                continue
            cause = _cause(traffic, record, injuries)
            if cause:
                explained[cause] += 1
            else:
                unexplained.append(f"{traffic} {_describe(record)} {_near(record, injuries)}")
    return Verdict(dict(explained), tuple(unexplained))


def _cause(traffic: str, record: Record, injuries: Collection[Injury]) -> str:
    return next((injury.name for injury in injuries if injury.explains(traffic, record)), "")


def _describe(record: Record) -> str:
    return f"at {record.start:.3f} s, {record.latency * 1000:.0f} ms: {record.error or record.status}"


def _near(record: Record, injuries: Sequence[Injury]) -> str:
    """Say what was going on, for whoever has to find out."""
    before = [injury for injury in injuries if injury.begin <= record.start + record.latency]
    return f"(after {before[-1].name} {before[-1].begin:.3f}-{before[-1].end:.3f})" if before else ""
