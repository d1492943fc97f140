"""F25 in its short form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.scenarios import f25_resets

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario


def test_reaches_its_targets(play_short: Callable[[Scenario], Outcome]) -> None:
    play_short(f25_resets.SCENARIO)
