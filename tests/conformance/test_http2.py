"""HTTP/2 towards a server of HTTP/1: every row of the table, and requests bent by chance, held to the same rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.bent import bent_rows
from conformance.judge import CHANGED, CLASS, FORGIVEN, UNCLEAN
from conformance.lane import BYTEWISE
from conformance.rows import FRAMES, read_rows
from conformance.run import play
from conformance.streams import read_streams
from faults.harness.dice import Dice
from support.frames import data, headers, opening, request, reset
from support.reference import NGINX

if TYPE_CHECKING:
    from conformance.judge import Outcome

SEED = 20_262
BENT = 400
FORWARDED = 100
"""So many bent rows at least reach the server, in part or whole, and are held against what was sent."""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_row_keeps_every_rule() -> None:
    rows = read_rows(FRAMES)
    outcomes = play("tenbin", rows)
    failed = [str(outcome) for outcome in outcomes if not outcome.ok]
    assert not failed, f"{len(failed)} of {len(outcomes)} fail:\n" + "\n".join(failed)
    assert {outcome.row.id for outcome in outcomes if outcome.variant == BYTEWISE} == {row.id for row in rows}
    assert len(rows) == 67


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_no_bent_request_becomes_more_or_another() -> None:
    outcomes = play("dataplane", bent_rows(Dice(SEED), BENT))
    failed = [str(outcome) for outcome in outcomes if not outcome.ok and not known(outcome)]
    assert not failed, f"{len(failed)} of {len(outcomes)} fail:\n" + "\n".join(failed)
    assert sum(outcome.judged for outcome in outcomes if not outcome.variant) >= FORWARDED


def known(outcome: Outcome) -> bool:
    """Whether it is the one thing that Tenbin does otherwise: the h2 crate drops what is behind a `#` in a path."""
    return outcome.broke(FORGIVEN) and "#" in outcome.problems[0].text


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_the_rules_notice_what_nginx_lets_pass() -> None:
    outcomes = play("nginx", [row for row in read_rows(FRAMES) if row.category == "downgrade"])
    passed = {outcome.row.id for outcome in outcomes if outcome.broke(CLASS) and outcome.broke(FORGIVEN)}
    assert {"H018", "H020"} <= passed
    assert not any(outcome.broke(UNCLEAN) or outcome.broke(CHANGED) for outcome in outcomes if outcome.got == "400")


def test_the_strict_reader_refuses_what_no_row_may_pass() -> None:
    for row in read_rows(FRAMES):
        reading = read_streams(row.raw)
        if row.category == "control":
            assert len(reading.whole) == 1, row.id
            assert reading.refusal == "", row.id
        elif "forward-ok" not in row.expected:
            # Floods are the rest: each of their frames is right.
            assert row.category == "flood" or reading.refusal, row.id


def test_streams_become_messages() -> None:
    fields = request(b"/x", b"POST", [(b"cookie", b"a=b"), (b"x", b" 1 "), (b"cookie", b"c=d")])
    raw = opening() + headers(1, fields, end=False) + headers(3, request(b"/y")) + data(1, b"hel", end=False)
    raw += data(1, b"lo", end=False) + headers(1, [(b"x-t", b"2")])
    first, second = read_streams(raw).whole
    assert (first.method, first.target, first.body, second.target) == (b"POST", b"/x", b"hello", b"/y")
    assert first.fields == ((b"host", b"a.test"), (b"cookie", b"a=b; c=d"), (b"x", b"1"))
    assert first.trailers == ((b"x-t", b"2"),)
    cut = read_streams(opening() + headers(1, fields, end=False) + data(1, b"hel", end=False) + reset(1))
    assert [message.head_only for message in cut.messages] == [True]
