"""How tests play scenarios: the short form, against Tenbin, and every target must be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faults.harness.play import missing, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario


@pytest.fixture
def play_short() -> Callable[[Scenario], Outcome]:
    """Play a scenario's short form against Tenbin, assert that it reached its targets, and return the outcome."""

    def played(scenario: Scenario) -> Outcome:
        reason = missing(scenario, "tenbin")
        if reason:
            pytest.skip(f"{scenario.id}: {reason}")
        outcome = play(scenario, "tenbin", "short")
        assert outcome.reached, outcome.describe()
        return outcome

    return played
