"""F16 in its short form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faults.scenarios import f16_slow_clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario


@pytest.mark.slow
def test_reaches_its_targets(play_short: Callable[[Scenario], Outcome]) -> None:
    play_short(f16_slow_clients.SCENARIO)
