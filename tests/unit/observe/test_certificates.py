"""How long certificates last, in words, in the table, in the document, and on the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tenbin.api import page
from tenbin.observe import jsonform, table
from tenbin.observe.certificates import Validity, at, certificate_status, words
from tenbin.observe.status import Status, build
from tenbin.state import Overlay
from unit.observe import samples

END = samples.certificate().not_after


def status(now: datetime, *names: str, problems: tuple[str, ...] = ()) -> Status:
    one = certificate_status(replace(samples.certificate(*names), problems=problems), now)
    watched = replace(samples.WATCHED, certificates=(one,))
    config = samples.two_servers()
    return build(config, Overlay(), samples.stats(config), watched, samples.NOW, 0.25)


@pytest.mark.parametrize(
    ("before_end", "validity", "told"),
    [
        (timedelta(days=20), Validity.VALID, "ends in 20d"),
        (timedelta(days=14, seconds=1), Validity.VALID, "ends in 14d"),
        (timedelta(days=14), Validity.SOON, "ends in 14d"),
        (timedelta(seconds=90), Validity.SOON, "ends in 1m 30s"),
        (timedelta(seconds=-1), Validity.EXPIRED, "EXPIRED 1.0s ago"),
        (timedelta(days=-2, hours=-3), Validity.EXPIRED, "EXPIRED 2d 3h ago"),
        (timedelta(days=91), Validity.EARLY, "not valid before 2025-11-03 03:04 UTC"),
    ],
)
def test_words(before_end: timedelta, validity: Validity, told: str) -> None:
    one = certificate_status(samples.certificate(), END - before_end)
    assert (one.validity, words(one)) == (validity, told)


def test_the_table_shows_those_that_need_somebody() -> None:
    assert "certificate" not in table.render(status(END - timedelta(days=20))).plain
    soon = table.render(status(END - timedelta(days=3))).plain
    assert "certificate /c/site.pem (a.example, *.a.example) ends in 3d" in soon
    odd = table.render(status(END - timedelta(days=20), "a\x1b[2J", problems=("the chain is out of order",))).plain
    assert "\x1b" not in odd
    assert "the chain is out of order" in odd


def test_the_document_comes_back_as_it_was() -> None:
    before = status(END - timedelta(days=3), problems=("one",))
    assert jsonform.load(jsonform.dump(before)) == before
    assert b'"validity":"soon"' in jsonform.dump(before)


def test_the_page_escapes_names() -> None:
    shown = page.render(status(END - timedelta(days=3), "<b>"), ready=True)
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert "ends in 3d" in shown
    without = build(samples.two_servers(), Overlay(), None, samples.WATCHED, 0, 0)
    assert "Certificates" not in page.render(without, ready=True)


def test_dates_beyond_calendars_are_dates() -> None:
    assert at(1_800_000_000) == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert at(10**15) == datetime.max.replace(tzinfo=UTC)
