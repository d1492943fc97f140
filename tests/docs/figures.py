"""The figures that README quotes: `make bench` writes them between two marks, a test compares.

`python -m docs.figures` (with tests/ in PYTHONPATH) writes them.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benches" / "results" / "latest.json"
LATEST = "benches/results/latest.md"
BEGIN = "<!-- bench: written by make bench -->"
END = "<!-- end of bench -->"
QUOTED = ("HTTP 128 B, 32 connections", "HTTP 128 B, 256 connections", "HTTP 16 KiB, 32 connections")
CONTESTANTS = {"tenbin": "Tenbin", "haproxy": "HAProxy", "nginx": "nginx", "relay": "bare relay"}


def block(results: Path) -> str:
    """Return the part of README between the marks, with them."""
    found = json.loads(results.read_text())
    machine = found["machine"]
    lines = [f"| {' | '.join(['CPU time for a request', *CONTESTANTS.values()])} |", "|---|---|---|---|---|"]
    for case in found["cases"]:
        if case["case"].startswith(QUOTED) and case["unit"] == "CPU µs/request":
            figures = [_figure(case["figures"].get(key)) for key in CONTESTANTS]
            lines.append(f"| {' | '.join([case['case'], *figures])} |")
    where = f"{machine['cpu']}, kernel {machine['kernel'].partition('-')[0]}, HAProxy {machine['haproxy']}"
    load = f"load {machine['load at start'].split()[0]} at the start"
    when = f"{machine['date']}, {load}"
    about = f"{where}, nginx {machine['nginx']}; {when}. All cases: [benches/results/latest.md]({LATEST})."
    return "\n".join([BEGIN, *lines, "", about, END])


def main() -> None:
    """Write the figures into README, if there are any."""
    if not RESULTS.exists():
        return
    readme = ROOT / "README.md"
    text = readme.read_text()
    head, _, rest = text.partition(BEGIN)
    readme.write_text(head + block(RESULTS) + rest.partition(END)[2])


def _figure(contestant: dict[str, float] | None) -> str:
    return f"{contestant['median']:.1f} µs" if contestant else "-"


if __name__ == "__main__":
    main()
