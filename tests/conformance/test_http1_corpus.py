"""Every row of the HTTP/1 corpus through a running Tenbin.

Rows that are known to fail stand with their reason in `known_failures.tsv`; the list may only shrink: a row in it
that passes fails the test, as does one that is not in it and fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.rows import CORPUS, bytes_of, read_rows
from conformance.run import play

KNOWN = Path(__file__).parent / "known_failures.tsv"


def known_failures() -> dict[str, str]:
    lines = [line for line in KNOWN.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("\t", 1) for line in lines)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_every_row_passes_but_the_known() -> None:
    rows = read_rows(CORPUS)
    outcomes = play("tenbin", rows)
    known = known_failures()
    failed = {outcome.name: outcome for outcome in outcomes if not outcome.ok}
    unexpected = [str(outcome) for name, outcome in failed.items() if name not in known]
    mended = sorted(set(known) - set(failed))
    assert not unexpected, f"{len(unexpected)} of {len(outcomes)} fail:\n" + "\n".join(unexpected)
    assert not mended, f"these pass now, take them out of {KNOWN.name}: {mended}"
    assert len(failed) <= 0.05 * len(outcomes)


def test_raw_is_read_not_evaluated() -> None:
    assert bytes_of(r"b'a\r\n'+b'b'*3") == b"a\r\nbbb"
    with pytest.raises(ValueError, match="not an expression of bytes"):
        bytes_of("open('x')")
