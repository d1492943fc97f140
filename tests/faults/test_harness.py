"""The harness itself: it sees what goes wrong, it tells kinds apart, and what it wrote down it reads again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from faults.harness.outcome import KINDS, Figures, Goal, Outcome, Usage, figures_of, kind_of
from faults.harness.play import play
from faults.harness.report import markdown
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from faults.scenarios import SCENARIOS
from tenbin.testing import Failure, Record, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

BROKEN = "T01"


def unprotected(stage: Stage) -> Outcome:
    """Kill a server of a Tenbin that may neither repeat nor eject."""
    scene = Scene(stage.servers.some(2), every=5, backend={"retry": False, "eject": False})
    proxy = stage.start(scene)
    with stage.traffic(proxy) as traffic:
        stage.servers.kill("server1")
        traffic.wait_done(50)
        summary = traffic.stop()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (nothing_failed(figures),)

    return stage.outcome(proxy, summary, goals)


def test_failures_are_seen() -> None:
    scenario = Scenario(BROKEN, "unprotected", "kill -9", "none", unprotected)
    outcome = play(scenario, "tenbin", "short")
    assert outcome.missed == ("0 failed",)
    assert outcome.figures.failed.get("unexpected status", 0) >= 10, outcome.describe()


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_a_kind(failure: Failure) -> None:
    assert kind_of(Record(0.0, 0.1, 0, "", f"{failure}: because")) in KINDS


def test_statuses_are_judged_by_what_is_expected() -> None:
    summary = Summary((Record(0.0, 0.01, 200, "server1", ""), Record(0.1, 0.02, 503, "", "")))
    assert figures_of(summary).failed == {"unexpected status": 1}
    assert figures_of(summary, (200, 503)).failures == 0


def test_an_outcome_survives_being_written() -> None:
    figures = Figures(10, {"reset": 1}, 0.5, 1.5, 2.0, 30.0, ("0.10s +1ms reset",))
    outcome = Outcome("F01", "tenbin", "short", figures, Usage(1, 2), Usage(3, 4), {"reloads": 20}, ("0 failed",))
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome
    scenario = replace(SCENARIOS[0], columns=("reloads",))
    table = markdown({"date": "today"}, [scenario], [outcome], ["F07 nginx: not installed"])
    assert "| Tenbin | 10 | 1 (1 reset) | 0.5 | 1.5 | 2 | 30 | 0.0 / 0.0 | 2 / 4 | 20 | missed: 0 failed |" in table
    assert "- F07 nginx: not installed" in table


def test_scenarios_have_numbers_of_their_own_in_order() -> None:
    numbers = [scenario.id for scenario in SCENARIOS]
    assert numbers == sorted(set(numbers))
