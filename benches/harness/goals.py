"""The goals, and whether a run reaches them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.figures import Row


@dataclass(frozen=True)
class Goal:
    """A limit on one figure; `measured` None: it was not measured in this run."""

    text: str
    limit: float
    measured: float | None
    unit: str = ""

    @property
    def verdict(self) -> str:
        """In words."""
        if self.measured is None:
            return "not measured"
        return "reached" if self.measured <= self.limit else "not reached"


@dataclass(frozen=True)
class Cases:
    """The names of the cases that goals are about."""

    keep_alive: Sequence[str]
    bulk: str
    idle: Sequence[str]
    start: str
    servers: Sequence[str]
    routes: Sequence[str]
    apply: str


def judge(rows: Sequence[Row], cases: Cases) -> list[Goal]:
    """Compare a run with every goal."""
    found = {row.case: row for row in rows}
    goals = []
    for case in cases.keep_alive:
        goals.append(Goal(f"{case}: CPU, of the better of HAProxy and nginx", 0.95, _against_best(found, case), "x"))
        goals.append(Goal(f"{case}: CPU, of the bare relay", 1.3, _ratio(found, case, "relay"), "x"))
    goals.append(Goal(f"{cases.bulk}: CPU per GB, of HAProxy", 1.0, _ratio(found, cases.bulk, "haproxy"), "x"))
    goals += [Goal(f"{case}: memory for each", 2.0, _ours(found, case), "KiB") for case in cases.idle]
    goals.append(Goal(cases.start, 100, _ours(found, cases.start), "ms"))
    goals += [_growth(found, cases.servers), _growth(found, cases.routes)]
    goals.append(Goal(cases.apply, 300, _ours(found, cases.apply), "ms"))
    return goals


def _against_best(rows: Mapping[str, Row], case: str) -> float | None:
    """Against the better one, so the larger of the two ratios."""
    ratios = [ratio for other in ("haproxy", "nginx") if (ratio := _ratio(rows, case, other)) is not None]
    return max(ratios, default=None)


def _ratio(rows: Mapping[str, Row], case: str, other: str) -> float | None:
    return rows[case].ratio(other) if case in rows else None


def _ours(rows: Mapping[str, Row], case: str) -> float | None:
    return rows[case].figures["tenbin"].median if case in rows else None


def _growth(rows: Mapping[str, Row], cases: Sequence[str]) -> Goal:
    """The most expensive of the cases against the first."""
    text = f"{cases[-1]}, of {cases[0]}: CPU"
    costs = [_ours(rows, case) for case in cases]
    known = [cost for cost in costs if cost is not None]
    return Goal(text, 1.1, max(known) / known[0] if len(known) == len(cases) else None, "x")
