"""Statuses and the texts that come with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenbin.health import CheckStatus, Result
from tenbin.health.result import printable
from unit.health.support import at_leisure


def test_the_passing_statuses() -> None:
    assert {status for status in CheckStatus if status.passed} == {"L4OK", "L6OK", "L7OK", "L7OKC", "PROCOK"}


def test_a_shortage_of_this_machine_says_nothing_of_a_server() -> None:
    assert not CheckStatus.SOCKERR.conclusive
    assert CheckStatus.L4CON.conclusive


def test_every_status_has_a_long_name() -> None:
    assert all(status.text for status in CheckStatus)
    assert CheckStatus.L7STS.text == "Layer7 wrong status"


@at_leisure
@given(st.text(max_size=1000))
def test_texts_are_one_short_printable_line(text: str) -> None:
    line = printable(text)
    assert len(line) <= 200
    assert line.isprintable()


def test_control_characters_are_shown_as_escapes() -> None:
    assert printable("bad\x1b[31m\r\nline") == r"bad\x1b[31m\r\nline"


def test_a_result_says_whether_it_passed() -> None:
    assert Result.passed("fine").status.passed
    assert not Result.failed("lag 12 s", status=CheckStatus.L7STS, code=503).status.passed


def test_a_result_refuses_a_status_that_contradicts_it() -> None:
    with pytest.raises(ValueError, match="L7STS"):
        Result.passed(status=CheckStatus.L7STS)
    with pytest.raises(ValueError, match="L7OK"):
        Result.failed("no", status=CheckStatus.L7OK)
