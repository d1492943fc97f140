"""Every line of the corpus, valid or not: HAProxy and the reader of its language agree, or it is written why not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy_lines import PROGRAM, haproxy, rows, tenbin

if TYPE_CHECKING:
    from pathlib import Path

FEWEST = 200


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM, reason="needs haproxy")
def test_lines_are_taken_and_refused_as_haproxy_does(tmp_path: Path) -> None:
    lines = rows()
    assert len(lines) >= FEWEST
    with ThreadPoolExecutor(4) as pool:
        files = [tmp_path / f"{number}.cfg" for number in range(len(lines))]
        valid = list(pool.map(haproxy, lines, files))
    wrong = []
    for row, taken in zip(lines, valid, strict=True):
        problems = tenbin(row, tmp_path)
        if (taken == (not problems)) is bool(row.differs):
            told = f" ({problems[0]})" if problems else ""
            wrong.append(f"{row.section}: {row.text}: HAProxy {'takes' if taken else 'refuses'} it{told}")
    assert not wrong, f"{len(wrong)} of {len(lines)} differ from what is written:\n" + "\n".join(wrong)
