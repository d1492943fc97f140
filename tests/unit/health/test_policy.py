"""When results make a server up or down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenbin.health import policy
from tenbin.model import Health, OnErrors
from unit.health.support import at_leisure, check

COUNTS = st.integers(min_value=1, max_value=6)
RESULTS = st.lists(st.booleans(), max_size=60)


def healths(start: Health, results: str, rise: int = 2, fall: int = 3) -> str:
    """Feed + and -; return U (up), D (down) or ? (unknown) after each."""
    how, standing, seen = check(rise=rise, fall=fall), policy.initial(start), ""
    for letter in results:
        standing = policy.step(standing, how, passed=letter == "+")
        seen += {Health.UP: "U", Health.DOWN: "D", Health.UNKNOWN: "?"}[standing.health]
    return seen


@pytest.mark.parametrize(
    ("start", "results", "expected"),
    [
        (Health.UNKNOWN, "-", "D"),
        (Health.UNKNOWN, "+", "U"),
        (Health.UNKNOWN, "+--+---", "UUUUUUD"),
        (Health.UNKNOWN, "-++", "DDU"),
        (Health.UP, "---", "UUD"),
        (Health.STARTING, "---", "UUD"),
        (Health.UP, "--+--+---", "UUUUUUUUD"),
        (Health.DOWN, "+-+-++", "DDDDDU"),
        (Health.DOWN, "++---++", "DUUUDDU"),
    ],
)
def test_rise_and_fall(start: Health, results: str, expected: str) -> None:
    assert healths(start, results) == expected


def test_one_and_one_flips_with_every_result() -> None:
    assert healths(Health.UP, "-+-+", rise=1, fall=1) == "DUDU"


@at_leisure
@given(COUNTS, COUNTS, RESULTS, st.sampled_from(list(Health)))
def test_value_moves_as_haproxys_counter(rise: int, fall: int, results: list[bool], start: Health) -> None:
    how, standing = check(rise=rise, fall=fall), policy.initial(start)
    full = rise + fall - 1
    counter = {Health.UNKNOWN: rise, Health.DOWN: 0}.get(start, full)
    assert policy.value(standing, how) == counter
    for passed in results:
        if passed:
            counter = min(counter + 1, full)
            counter = full if counter >= rise else counter
        else:
            counter = max(counter - 1, 0)
            counter = 0 if counter < rise else counter
        standing = policy.step(standing, how, passed=passed)
        assert policy.value(standing, how) == counter
        assert (standing.health is Health.UP) == (counter >= rise)


@at_leisure
@given(COUNTS, COUNTS, RESULTS)
def test_health_changes_only_after_enough_results_in_a_row(rise: int, fall: int, results: list[bool]) -> None:
    how, standing, run, last = check(rise=rise, fall=fall), policy.initial(Health.UP), 0, None
    for passed in results:
        run = run + 1 if passed == last else 1
        last = passed
        before, standing = standing, policy.step(standing, how, passed=passed)
        if before.health is not standing.health:
            assert run == (rise if passed else fall)


@pytest.mark.parametrize(
    ("start", "results", "milliseconds"),
    [
        (Health.UNKNOWN, "", 1000),
        (Health.UP, "", 2000),
        (Health.UP, "-", 1000),
        (Health.UP, "-+", 2000),
        (Health.UP, "---", 4000),
        (Health.DOWN, "", 4000),
        (Health.DOWN, "+", 1000),
        (Health.DOWN, "++", 2000),
    ],
)
def test_pace_is_fast_between_up_and_down(start: Health, results: str, milliseconds: int) -> None:
    how, standing = check(), policy.initial(start)
    for letter in results:
        standing = policy.step(standing, how, passed=letter == "+")
    assert policy.pace(standing, how).ms == milliseconds


@pytest.mark.parametrize("then", list(OnErrors))
@at_leisure
@given(COUNTS, COUNTS, RESULTS, st.sampled_from(list(Health)))
def test_errors_of_requests_move_haproxys_counter(
    then: OnErrors, rise: int, fall: int, results: list[bool], start: Health
) -> None:
    how, standing = check(rise=rise, fall=fall), policy.initial(start)
    for passed in results:
        standing = policy.step(standing, how, passed=passed)
    counter = policy.value(standing, how)
    if then is OnErrors.SUDDEN_DEATH and counter > rise:
        counter = rise + 1
    if then is OnErrors.MARK_DOWN:
        counter = rise
    if then is not OnErrors.FAST_CHECKS:
        counter = counter - 1 if counter > rise else 0
    after = policy.suspect(standing, how, then)
    assert policy.value(after, how) == counter
    assert (after.health is Health.DOWN) == (counter < rise)


@at_leisure
@given(COUNTS, COUNTS, RESULTS, COUNTS, COUNTS)
def test_another_rise_and_fall_keep_the_health(
    rise: int, fall: int, results: list[bool], rise2: int, fall2: int
) -> None:
    before, after = check(rise=rise, fall=fall), check(rise=rise2, fall=fall2)
    standing = policy.initial(Health.UP)
    for passed in results:
        standing = policy.step(standing, before, passed=passed)
    fitted = policy.fit(standing, after)
    assert fitted.health is standing.health
    assert (policy.value(fitted, after) >= rise2) == (standing.health is Health.UP)
    assert 0 <= policy.value(fitted, after) <= rise2 + fall2 - 1
