"""Plays one scenario against one contestant; where it needs a network of its own, in a process within one.

As a program it is that process: `python -m faults.harness.play F07 tenbin short` prints the outcome as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from faults.harness import contestants, network
from faults.harness.outcome import Outcome
from faults.harness.scenario import Stage

if TYPE_CHECKING:
    from faults.harness.scenario import Length, Scenario

LONGEST = 240.0
"""Seconds that one scenario may take in its own network; the slowest needs half of it."""

_MARK = "OUTCOME "
_FOLDERS = (str(Path(__file__).parents[2]), str(Path(__file__).parents[3] / "src"))


def missing(scenario: Scenario, contestant: str) -> str:
    """Why this cannot be played on this machine, "" when it can."""
    if contestant not in scenario.contestants:
        return f"{contestant} has nothing like it"
    return contestants.missing(contestant) or scenario.needs() or (network.missing() if scenario.network else "")


def play(scenario: Scenario, contestant: str, length: Length) -> Outcome:
    """Play it."""
    if scenario.network:
        return _play_apart(scenario, contestant, length)
    return play_here(scenario, contestant, length)


def play_here(scenario: Scenario, contestant: str, length: Length) -> Outcome:
    """Play it in the network of this process."""
    with tempfile.TemporaryDirectory(prefix="tenbin-fault-") as name:
        folder = Path(name)
        # Started by root, nginx works as another user.
        folder.chmod(0o755)
        stage = Stage(scenario, contestant, length, folder)
        try:
            return scenario.play(stage)
        finally:
            stage.close()


def _play_apart(scenario: Scenario, contestant: str, length: Length) -> Outcome:
    inner = (sys.executable, "-m", "faults.harness.play", scenario.id, contestant, length)
    paths = os.pathsep.join((*_FOLDERS, os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        network.command(*inner),
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
        stdin=subprocess.DEVNULL,
    )
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            return Outcome.from_json(json.loads(line.removeprefix(_MARK)))
    raise RuntimeError(f"{scenario.id} against {contestant} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def main(name: str, contestant: str, length: Length) -> None:
    """Play in the namespace that this process is in."""
    from faults.scenarios import SCENARIOS

    network.up()
    found = next(scenario for scenario in SCENARIOS if scenario.id == name)
    print(_MARK + json.dumps(play_here(found, contestant, length).as_json()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "full" if sys.argv[3] == "full" else "short")
