"""`make soak`: F30 for as long as is wanted, against Tenbin. Writes benches/results/soak.md and soak.json."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from faults.harness.report import line, save
from faults.harness.scenario import SEED, Stage
from faults.run import RESULTS
from faults.scenarios import f30_soak
from support.machine import facts


def main() -> int:
    """Play it, say what came of it; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description="Break something every few seconds, for a long time, and count.")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--period", type=float, default=10, help="seconds from one fault to the next")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are written")
    options = parser.parse_args()
    warm_up = min(120.0, options.seconds / 5)
    plan = f30_soak.Plan(options.seconds, options.period, warm_up, options.seed)
    scenario = f30_soak.SCENARIO
    with tempfile.TemporaryDirectory(prefix="tenbin-soak-") as folder:
        stage = Stage(scenario, "tenbin", "full", Path(folder))
        try:
            outcome = f30_soak.soak(stage, plan)
        finally:
            stage.close()
    table = save(options.results, facts(), [scenario], [outcome], [], name="soak")
    print(table, line(outcome), *(f"{key}: {value}" for key, value in outcome.extra.items()), sep="\n")  # noqa: T201
    return int(not outcome.reached)


if __name__ == "__main__":
    sys.exit(main())
