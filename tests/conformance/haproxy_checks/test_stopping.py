"""Servers that want no new work, and what is told to them of themselves, beside HAProxy."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy_checks.beside import Parrot, both, columns, settled
from support.reference import HAPROXY

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

TEXT = """
backend app
  option httpchk GET /
  http-check disable-on-404
  http-check send-state
  server s1 127.0.0.1:{port} check inter 100ms fall 3 rise 2
  server s2 127.0.0.1:{port} check inter 100ms weight 3 maxconn 10
  server s3 127.0.0.1:1 backup
"""
COLUMNS = ("status", "act", "check_status", "check_code", "check_desc", "last_chk", "check_health")
ANSWERS = ("200 OK", "404 Gone", "200 OK", "404 Gone", "500 Bad", "404 Gone", "200 OK")


def test_a_server_that_answers_404_goes_on_without_new_work(tmp_path: Path) -> None:
    with Parrot(waits=True) as server, both(TEXT.format(port=server.port), tmp_path) as (ours, theirs):
        for number, answer in enumerate(ANSWERS):
            server.words = f"HTTP/1.0 {answer}\r\n\r\n".encode()
            for name in ("s1", "s2"):
                mine, other = settled(
                    partial(columns, ours, name, COLUMNS),
                    partial(columns, theirs, name, COLUMNS),
                )
                assert mine == other, (number, answer, name)
            totals = settled(
                partial(columns, ours, "BACKEND", ("act", "bck", "weight")),
                partial(columns, theirs, "BACKEND", ("act", "bck", "weight")),
            )
            assert totals[0] == totals[1], (number, answer)
    said = [line for data in server.heard for line in re.findall(r"(?im)^x-haproxy-server-state: .*", data.decode())]
    # HAProxy writes names of headers in small letters, which is how the two are told apart.
    theirs_said = {line.strip() for line in said if line.startswith("x")}
    ours_said = {line.strip().lower() for line in said if line.startswith("X")}
    assert {line.lower() for line in theirs_said if _is_steady(line)} <= ours_said


def _is_steady(line: str) -> bool:
    """Whether it is of a state that lasts; weights change a moment earlier or later than the first check."""
    return re.search(r": (UP|NOLB); .*weight=[13]/4;", line) is not None
