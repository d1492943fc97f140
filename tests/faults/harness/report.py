"""The results of a whole run: a table for people, and everything as JSON, from which README quotes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from faults.harness.contestants import TITLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario


def save(
    folder: Path,
    machine: Mapping[str, str],
    scenarios: Sequence[Scenario],
    outcomes: Sequence[Outcome],
    left_out: Sequence[str],
    name: str = "faults",
) -> str:
    """Write `faults.md` and `faults.json`, or whatever name they shall have, into a folder and return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(machine, scenarios, outcomes, left_out)
    (folder / f"{name}.md").write_text(text)
    (folder / f"{name}.json").write_text(
        json.dumps(_content(machine, scenarios, outcomes, left_out), indent=1, ensure_ascii=False) + "\n"
    )
    return text


def markdown(
    machine: Mapping[str, str],
    scenarios: Sequence[Scenario],
    outcomes: Sequence[Outcome],
    left_out: Sequence[str],
) -> str:
    """Return one table a scenario, a line a contestant."""
    parts = ["# Faults", "; ".join(f"{name} {value}" for name, value in machine.items()) + "."]
    for scenario in scenarios:
        found = [outcome for outcome in outcomes if outcome.scenario == scenario.id]
        if found:
            about = f"{scenario.injected[:1].upper()}{scenario.injected[1:]}. Target: {scenario.target}."
            parts.append(f"## {scenario.id}: {scenario.title}\n\n{about}\n\n{_table(scenario, found)}")
    if left_out:
        parts.append("\n".join(["## Left out", "", *(f"- {line}" for line in left_out)]))
    return "\n\n".join(parts) + "\n"


def line(outcome: Outcome) -> str:
    """Return one outcome in a line, for the terminal while a run goes on."""
    figures = outcome.figures
    return (
        f"{outcome.scenario} {TITLES[outcome.contestant]:8} {figures.failures:5} of {figures.requests} failed, "
        f"p99 {figures.p99:.1f} ms, {'reached' if outcome.reached else 'missed: ' + '; '.join(outcome.missed)}"
    )


def _table(scenario: Scenario, outcomes: Sequence[Outcome]) -> str:
    header = ["", "requests", "failed", "p50 ms", "p99 ms", "longest ms", "gap ms", "MiB before/after", "fds", "target"]
    header[-1:-1] = scenario.columns
    lines = [header, ["---"] * len(header)]
    lines += [_cells(scenario, outcome) for outcome in outcomes]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(scenario: Scenario, outcome: Outcome) -> list[str]:
    figures, before, after = outcome.figures, outcome.before, outcome.after
    failed = str(figures.failures)
    if figures.failures:
        failed += f" ({', '.join(f'{count} {kind}' for kind, count in figures.failed.items())})"
    return [
        TITLES[outcome.contestant],
        str(figures.requests),
        failed,
        *(f"{value:.1f}" for value in (figures.p50, figures.p99)),
        *(f"{value:.0f}" for value in (figures.longest, figures.gap)),
        f"{before.memory / 2**20:.1f} / {after.memory / 2**20:.1f}",
        f"{before.descriptors} / {after.descriptors}",
        *(str(outcome.extra.get(column, "-")) for column in scenario.columns),
        "reached" if outcome.reached else "missed: " + "; ".join(outcome.missed),
    ]


def _content(
    machine: Mapping[str, str],
    scenarios: Sequence[Scenario],
    outcomes: Sequence[Outcome],
    left_out: Sequence[str],
) -> dict[str, Any]:
    about = [
        {key: getattr(scenario, key) for key in ("id", "title", "injected", "target")}
        for scenario in scenarios
        if any(outcome.scenario == scenario.id for outcome in outcomes)
    ]
    played = [outcome.as_json() for outcome in outcomes]
    return {"machine": dict(machine), "scenarios": about, "outcomes": played, "left out": list(left_out)}
