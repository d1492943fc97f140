"""How tests play scenarios, against Tenbin until every target is reached; and a data plane with nobody above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faults.harness.play import missing, play
from support.bare import BareDataplane
from tenbin.testing import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario
    from tenbin.testing.client import Address


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


@pytest.fixture
def plane() -> Iterator[BareDataplane]:
    """Return a data plane that holds nothing yet."""
    with BareDataplane() as own:
        yield own


@pytest.fixture
def address(plane: BareDataplane) -> Iterator[Address]:
    """Return an address that this data plane has the sockets of."""
    with Lease(1) as own:
        plane.listen(("127.0.0.1", own.ports[0]))
        yield ("127.0.0.1", own.ports[0])
