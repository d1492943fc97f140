"""`make faults`: every scenario in full length, against Tenbin, HAProxy and nginx in one run.

Writes benches/results/faults.md and faults.json. `--only F07` plays single scenarios, `--against tenbin` single
contestants and `--short` the short forms; these write nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from faults.harness.contestants import TITLES
from faults.harness.play import missing, play
from faults.harness.report import line, markdown, save
from faults.scenarios import SCENARIOS
from support.machine import facts
from tenbin.testing import ExchangeError

RESULTS = Path(__file__).parents[2] / "benches" / "results"


def main() -> int:
    """Run what the command line asks for; 1 when Tenbin missed a target, or something went wrong."""
    options = _options()
    scenarios = [scenario for scenario in SCENARIOS if not options.only or scenario.id in options.only]
    outcomes, left_out, broken = [], [], []
    writes = not (options.only or options.against or options.short)
    machine = facts()
    for place, scenario in enumerate(scenarios):
        for contestant in options.against or list(TITLES):
            reason = missing(scenario, contestant)
            if reason:
                left_out.append(f"{scenario.id} {TITLES[contestant]}: {reason}")
                continue
            try:
                outcomes.append(play(scenario, contestant, "short" if options.short else "full"))
            except (AssertionError, ExchangeError, OSError, RuntimeError, subprocess.TimeoutExpired) as error:
                broken.append(f"{scenario.id} {TITLES[contestant]} was not played to its end: {error}".splitlines()[0])
                _say(broken[-1])
            else:
                _say(line(outcomes[-1]))
        if writes:
            # A run that is stopped leaves what it has found, and says what it has not.
            later = [f"{one.id}: the run was stopped before it" for one in scenarios[place + 1 :]]
            save(RESULTS, machine, scenarios, outcomes, [*left_out, *broken, *later])
    _say(markdown(machine, scenarios, outcomes, [*left_out, *broken]))
    return int(bool(broken) or any(outcome.contestant == "tenbin" and not outcome.reached for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break things around Tenbin, HAProxy and nginx, and count.")
    parser.add_argument("--only", action="append", choices=[s.id for s in SCENARIOS], help="may be repeated")
    parser.add_argument("--against", action="append", choices=list(TITLES), help="may be repeated")
    parser.add_argument("--short", action="store_true", help="as the tests do")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    sys.exit(main())
