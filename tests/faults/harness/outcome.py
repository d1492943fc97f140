"""What came of a scenario: counts, latencies, what the processes hold, and which targets were missed.

Owns how failures are named. Does not decide how a scenario is played.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tenbin.testing import Failure

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from tenbin.testing import Record, Summary

Value = float | int | str

KINDS = ("connect error", "reset", "truncated", "wrong body", "unexpected status", "timeout")
"""All that can go wrong with a request, as a client sees it."""

_KIND = {
    Failure.CONNECT: "connect error",
    Failure.CLOSED_BEFORE: "reset",
    Failure.CLOSED_AFTER: "reset",
    Failure.RESET: "reset",
    Failure.TRUNCATED: "truncated",
    Failure.MALFORMED: "wrong body",
    Failure.ANOTHER: "wrong body",
    Failure.TIMEOUT: "timeout",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """One sentence of the target, and whether it was reached."""

    text: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """What the processes of a contestant hold: resident bytes and descriptors."""

    memory: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The load's side of an outcome; latencies and the gap in milliseconds, of requests that ended well."""

    requests: int
    failed: Mapping[str, int]
    p50: float
    p99: float
    longest: float
    gap: float
    first: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        """How many requests failed."""
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario played against one contestant."""

    scenario: str
    contestant: str
    length: str
    figures: Figures
    before: Usage
    after: Usage
    extra: Mapping[str, Value] = field(default_factory=dict)
    missed: tuple[str, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether every target was reached."""
        return not self.missed

    def describe(self) -> str:
        """Return what a person needs to understand a missed target."""
        figures = self.figures
        return (
            f"{self.scenario} {self.contestant} ({self.length}): missed {list(self.missed)}; {figures.requests} "
            f"requests, {figures.failures} failed {dict(figures.failed)} {list(figures.first)}, "
            f"p50 {figures.p50:.1f} ms, p99 {figures.p99:.1f} ms, longest {figures.longest:.0f} ms, "
            f"gap {figures.gap:.0f} ms, {dict(self.extra)}"
        )

    def as_json(self) -> dict[str, object]:
        """Return plain values; `from_json` is the way back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """Make it from what `as_json` returned."""
        figures = Figures(**{**value["figures"], "first": tuple(value["figures"]["first"])})
        before, after = (Usage(**value[key]) for key in ("before", "after"))
        rest = {**value, "figures": figures, "before": before, "after": after, "missed": tuple(value["missed"])}
        return cls(**rest)


def figures_of(summary: Summary, expected: Container[int] = (200,)) -> Figures:
    """Sum a load up; answers with another status than those expected have failed."""
    bad = [record for record in summary.records if kind_of(record, expected)]
    good = sorted(record.latency for record in summary.records if not kind_of(record, expected))
    counts = Counter(kind_of(record, expected) for record in bad)
    return Figures(
        requests=len(summary.records),
        failed={kind: counts[kind] for kind in KINDS if counts[kind]},
        p50=_percentile(good, 0.5),
        p99=_percentile(good, 0.99),
        longest=_percentile(good, 1.0),
        gap=summary.longest_gap() * 1000,
        first=tuple(f"{r.start:.2f}s +{r.latency * 1000:.0f}ms {r.error or r.status}" for r in bad[:5]),
    )


def kind_of(record: Record, expected: Container[int] = (200,)) -> str:
    """Return how a request failed, "" when it did not."""
    if record.error:
        return _KIND[Failure(record.error.partition(":")[0])]
    return "" if record.status in expected else "unexpected status"


def _percentile(ordered: list[float], fraction: float) -> float:
    return ordered[min(int(len(ordered) * fraction), len(ordered) - 1)] * 1000 if ordered else 0.0
