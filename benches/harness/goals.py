"""The goals, and whether a run reaches them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.figures import Row, paired


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
    https: Sequence[str]
    others: Sequence[str]
    rules: Sequence[str]
    idle: Sequence[str]
    idle_tls: str
    start: str
    growth: Sequence[Sequence[str]]
    apply: str
    waits: tuple[str, str]


def judge(rows: Sequence[Row], cases: Cases) -> list[Goal]:
    """Compare a run with every goal."""
    found = {row.case: row for row in rows}
    goals = []
    for case in cases.keep_alive:
        goals.append(Goal(f"{case}: CPU, of the better of HAProxy and nginx", 0.95, _against_best(found, case), "x"))
        goals.append(Goal(f"{case}: CPU, of the bare relay", 1.3, _ratio(found, case, "relay"), "x"))
    better = "CPU, of the better of HAProxy and nginx"
    goals += [Goal(f"{case}: {better}", 0.9, _against_best(found, case), "x") for case in cases.https]
    goals += [Goal(f"{case}: {better}", 1.0, _against_best(found, case), "x") for case in cases.others]
    goals += [Goal(f"{case}: CPU, of HAProxy", 0.9, _ratio(found, case, "haproxy"), "x") for case in cases.rules]
    goals.append(Goal(f"{cases.bulk}: CPU per GB, of HAProxy", 1.0, _ratio(found, cases.bulk, "haproxy"), "x"))
    goals += [Goal(f"{case}: memory for each", 2.0, _ours(found, case), "KiB") for case in cases.idle]
    goals.append(Goal(f"{cases.idle_tls}: memory for each", 12.0, _ours(found, cases.idle_tls), "KiB"))
    goals.append(Goal(cases.start, 100, _ours(found, cases.start), "ms"))
    goals += [_growth(found, sizes) for sizes in cases.growth]
    goals.append(Goal(cases.apply, 300, _ours(found, cases.apply), "ms"))
    goals.append(_wait(found, cases.waits))
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
    text = f"{cases[0]}, and {' and '.join(case.split()[0] for case in cases[1:])}: CPU of the dearest, of the first"
    known = [rows[case].figures["tenbin"] for case in cases if case in rows]
    if len(known) < len(cases):
        return Goal(text, 1.1, None, "x")
    return Goal(text, 1.1, max(paired(figure, known[0]) for figure in known[1:]), "x")


def _wait(rows: Mapping[str, Row], cases: tuple[str, str]) -> Goal:
    """What an apply adds to the longest wait there is anyway on a busy machine."""
    with_apply, without = (_ours(rows, case) for case in cases)
    added = None if with_apply is None or without is None else with_apply - without
    return Goal(f"{cases[0]}: more than without", 5, added, "ms")
