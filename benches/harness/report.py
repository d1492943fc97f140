"""Reports: the table of a run as Markdown, which also reads well on a terminal, and everything as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.figures import Row
from harness.goals import Goal
from harness.proxies import NAMES, TITLES


def markdown(machine: Mapping[str, str], rows: Sequence[Row], goals: Sequence[Goal], notes: Sequence[str]) -> str:
    """Return the whole report."""
    parts = [
        "; ".join(f"{name} {value}" for name, value in machine.items()) + ".",
        _costs(rows),
        _latencies(rows),
        _verdicts(goals),
    ]
    parts += [f"- {note}" for note in notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def save(folder: Path, report: str, machine: Mapping[str, str], rows: Sequence[Row], goals: Sequence[Goal]) -> None:
    """Write `latest.md` and `latest.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.md").write_text(report)
    content = {
        "machine": dict(machine),
        "cases": [_case(row) for row in rows],
        "goals": [
            {"goal": goal.text, "limit": goal.limit, "measured": goal.measured, "verdict": goal.verdict}
            for goal in goals
        ],
    }
    (folder / "latest.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def line(row: Row) -> str:
    """Return one case as a line, for the terminal while a run goes on."""
    values = "  ".join(f"{TITLES[name]} {_number(figure.median)}" for name, figure in row.figures.items())
    return f"{row.case}: {values} {row.unit}"


def _costs(rows: Sequence[Row]) -> str:
    others = NAMES[1:]
    header = ["case", "", *(TITLES[name] for name in NAMES), *(f"/ {TITLES[name]}" for name in others)]
    lines = []
    for row in rows:
        figures = [_number(row.figures[name].median) if name in row.figures else "" for name in NAMES]
        ratios = [_ratio(row.ratio(name)) for name in others]
        lines.append([row.case, row.unit, *figures, *ratios])
    return _table(header, lines)


def _latencies(rows: Sequence[Row]) -> str:
    header = ["p50 / p99 in ms under that load", *(TITLES[name] for name in NAMES)]
    loaded = [row for row in rows if any("p99_us" in figure.others for figure in row.figures.values())]
    lines = [[row.case, *(_percentiles(row, name) for name in NAMES)] for row in loaded]
    return _table(header, lines) if lines else ""


def _percentiles(row: Row, name: str) -> str:
    figure = row.figures.get(name)
    if figure is None:
        return ""
    p50, p99, failed = (figure.other(key) or 0.0 for key in ("p50_us", "p99_us", "failed"))
    text = f"{p50 / 1000:.2f} / {p99 / 1000:.2f}"
    return f"{text} ({failed:.0f} failed)" if failed else text


def _verdicts(goals: Sequence[Goal]) -> str:
    lines = []
    for goal in goals:
        measured = "" if goal.measured is None else f"{_number(goal.measured)} {goal.unit}"
        lines.append([goal.text, f"<= {goal.limit:g} {goal.unit}", measured, goal.verdict])
    return _table(["goal", "limit", "measured", ""], lines)


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cells[i]) for cells in (header, *lines)) for i in range(len(header))]

    def joined(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        return (
            "| " + " | ".join([first, *(cell.rjust(w) for cell, w in zip(cells[1:], widths[1:], strict=True))]) + " |"
        )

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([joined(header), rule, *(joined(cells) for cells in lines)])


def _case(row: Row) -> dict[str, object]:
    figures = {
        name: {
            "median": round(figure.median, 4),
            "rounds": [round(value, 4) for value in figure.rounds],
            **{key: round(figure.other(key) or 0.0, 2) for key in figure.others},
        }
        for name, figure in row.figures.items()
    }
    ratios = {name: round(ratio, 4) for name in NAMES[1:] if (ratio := row.ratio(name)) is not None}
    return {"case": row.case, "unit": row.unit, "figures": figures, "tenbin_of": ratios}


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
