"""Every row of the HTTP/1 corpus through a running Tenbin, held to every rule of `conformance.judge`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from conformance.judge import CLASS, FORGIVEN, MUST_NOT, UNCLEAN
from conformance.lane import BYTEWISE
from conformance.rows import CORPUS, bytes_of, read_rows
from conformance.run import main, play

if TYPE_CHECKING:
    from pathlib import Path

READ_TWICE = 130
"""So many outcomes at least are of messages that arrived and were held against what was sent."""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_row_keeps_every_rule() -> None:
    rows = read_rows(CORPUS)
    outcomes = play("tenbin", rows)
    failed = [str(outcome) for outcome in outcomes if not outcome.ok]
    assert not failed, f"{len(failed)} of {len(outcomes)} fail:\n" + "\n".join(failed)
    whole = {outcome.row.id for outcome in outcomes if not outcome.variant}
    bytewise = {outcome.row.id for outcome in outcomes if outcome.variant == BYTEWISE}
    assert whole == {row.id for row in rows}
    assert whole - bytewise == {row.id for row in rows if not row.raw or row.after == "drip"}
    assert sum(outcome.judged for outcome in outcomes) >= READ_TWICE


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_rules_notice_what_goes_through_unread() -> None:
    rows = [row for row in read_rows(CORPUS) if row.category in ("header", "smuggling") and row.kind == "req"]
    outcomes = play("relay", rows)
    rules = (CLASS, MUST_NOT, UNCLEAN, FORGIVEN)
    broken = {rule: sum(outcome.broke(rule) for outcome in outcomes) for rule in rules}
    assert all(broken.values()), broken


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_comparison_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = CORPUS.read_text(encoding="utf-8").split("\n")
    some = tmp_path / "some.tsv"
    some.write_text("\n".join([lines[0], *(line for line in lines if line.startswith(("R00", "S00")))]) + "\n")
    assert main(["dataplane", "--rows", str(some), "--results", str(tmp_path)]) == 0
    figures = {one["kind"]: one for one in json.loads((tmp_path / "conformance.json").read_text())["summaries"]}
    assert figures["req"]["rows"] == figures["req"]["acceptable"] >= 5
    assert not any(figures["resp"]["broken"].values())
    assert f"| {figures['resp']['rows']} answers | {figures['resp']['rows']} | 0 | 0 | 0 |" in capsys.readouterr().out


def test_raw_is_read_not_evaluated() -> None:
    assert bytes_of(r"b'a\r\n'+b'b'*3") == b"a\r\nbbb"
    with pytest.raises(ValueError, match="not an expression of bytes"):
        bytes_of("open('x')")
