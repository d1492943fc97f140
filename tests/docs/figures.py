"""The figures that README quotes: runs write them as JSON, this writes them between marks, a test compares.

`python -m docs.figures` (with tests/ in PYTHONPATH) writes all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benches" / "results"

_SPEED = (
    *("HTTP 128 B, 32 connections", "HTTP 128 B, 256 connections", "HTTP 16 KiB, 32 connections"),
    *("HTTPS 128 B, 32 connections", "HTTP/2 over TLS 128 B, 32 connections of 100 streams"),
)
_CONTESTANTS = {"tenbin": "Tenbin", "haproxy": "HAProxy", "nginx": "nginx"}


@dataclass(frozen=True, slots=True)
class Quote:
    """A part of README: its marks, and what makes it of a folder of results; None when they are not there."""

    begin: str
    end: str
    made_by: str
    text: Callable[[Path], str | None]

    def block(self, results: Path = RESULTS) -> str | None:
        """Return the part with its marks, None when nothing was measured."""
        text = self.text(results)
        return None if text is None else f"{self.begin}\n{text}\n{self.end}"

    def found(self, page: str) -> str:
        """Return the part as it is in a page; it must be there once."""
        assert page.count(self.begin) == page.count(self.end) == 1, self.begin
        return page[page.index(self.begin) : page.index(self.end) + len(self.end)]


def main() -> None:
    """Write into README what was measured."""
    readme = ROOT / "README.md"
    text = readme.read_text()
    for quote in QUOTES:
        block = quote.block()
        if block is not None:
            text = text.replace(quote.found(text), block)
    readme.write_text(text)


def speed(results: Path) -> str | None:
    """Return the CPU time of requests."""
    run = _read(results / "latest.json")
    if run is None:
        return None
    titles = {**_CONTESTANTS, "relay": "bare relay"}
    lines = [f"| {' | '.join(['CPU time for a request', *titles.values()])} |", "|---|---|---|---|---|"]
    for case in run["cases"]:
        if case["case"].startswith(_SPEED) and case["unit"] == "CPU µs/request":
            figures = [_microseconds(case["figures"].get(key)) for key in titles]
            lines.append(f"| {' | '.join([case['case'], *figures])} |")
    machine = run["machine"]
    where = f"{machine['cpu']}, kernel {machine['kernel'].partition('-')[0]}, HAProxy {machine['haproxy']}"
    load = f"load {machine['load at start'].split()[0]} at the start"
    when = f"{machine['date']}, {load}"
    link = "[benches/results/latest.md](benches/results/latest.md)"
    return "\n".join([*lines, "", f"{where}, nginx {machine['nginx']}; {when}. All cases: {link}."])


def steadiness(results: Path) -> str | None:
    """Return how many bad messages were handled well, and what faults cost."""
    lines, about = [], []
    wire, faults = _read(results / "conformance.json"), _read(results / "faults.json")
    if wire is not None:
        lines += _wire(wire)
        about.append(f"Messages: {_about(wire, 'conformance.md')}.")
    if faults is not None:
        lines += _faults(faults)
        about.append(f"Faults: {_about(faults, 'faults.md')}.")
    if not lines:
        return None
    header = f"| {' | '.join(['side by side', *_CONTESTANTS.values()])} |"
    return "\n".join([header, "|---|---|---|---|", *lines, "", *about])


QUOTES = (
    Quote("<!-- bench: written by make bench -->", "<!-- end of bench -->", "make bench", speed),
    Quote("<!-- steady: written by make faults -->", "<!-- end of steady -->", "make faults", steadiness),
)


def _wire(run: dict[str, Any]) -> list[str]:
    found = run["summaries"]
    lines = []
    kinds = {
        "req": "bad requests handled as they must be",
        "resp": "bad answers of servers",
        "h2": "bad connections of HTTP/2",
    }
    for kind, text in kinds.items():
        rows = {one["proxy"]: _of(one["acceptable"], one["rows"]) for one in found if one["kind"] == kind}
        lines += [_line(text, rows)] if rows else []
    passed: dict[str, int] = {}
    for one in found:
        broken = sum(one["broken"][rule] for rule in ("must_not", "excess", "poisoned"))
        passed[one["proxy"]] = passed.get(one["proxy"], 0) + broken
    return [*lines, _line("bad messages passed on all the same", {name: str(n) for name, n in passed.items()})]


def _faults(run: dict[str, Any]) -> list[str]:
    played: dict[str, list[dict[str, Any]]] = {name: [] for name in _CONTESTANTS}
    for outcome in run["outcomes"]:
        played[outcome["contestant"]].append(outcome)
    failures = {
        name: [sum(outcome["figures"]["failed"].values()) for outcome in outcomes] for name, outcomes in played.items()
    }
    requests = {name: sum(outcome["figures"]["requests"] for outcome in outcomes) for name, outcomes in played.items()}
    return [
        _line("faults with failed requests", {k: _of(sum(n > 0 for n in v), len(v)) for k, v in failures.items()}),
        _line("requests failed in them", {k: _of(sum(v), requests[k]) for k, v in failures.items()}),
        _line(
            "faults in which every target was reached",
            {k: _of(sum(not outcome["missed"] for outcome in v), len(v)) for k, v in played.items()},
        ),
    ]


def _line(text: str, cells: dict[str, str]) -> str:
    return f"| {' | '.join([text, *(cells.get(name, '-') for name in _CONTESTANTS)])} |"


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def _about(run: dict[str, Any], page: str) -> str:
    machine = run["machine"]
    versions = f"HAProxy {machine['haproxy']}, nginx {machine['nginx']}"
    return f"{versions}, {machine['date']}, [benches/results/{page}](benches/results/{page})"


def _read(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _microseconds(contestant: dict[str, float] | None) -> str:
    return f"{contestant['median']:.1f} µs" if contestant else "-"


if __name__ == "__main__":
    main()
