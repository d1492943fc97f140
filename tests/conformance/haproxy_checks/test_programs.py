"""What programs that check are told, and what becomes of their ends, beside HAProxy."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy_checks.beside import both, columns, settled
from support.reference import HAPROXY
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

PROGRAM = r"""#!/bin/sh
who=theirs
[ -n "$TENBIN_SERVER" ] && who=ours
{{ echo "arguments $*"; env; }} | grep -e arguments -e HAPROXY_ -e ^PATH= | sort \
  > {folder}/$HAPROXY_SERVER_NAME.$who.new
mv {folder}/$HAPROXY_SERVER_NAME.$who.new {folder}/$HAPROXY_SERVER_NAME.$who
case $HAPROXY_SERVER_NAME in
  code) echo words; exit 3;;
  slow) sleep 3;;
  killed) kill -9 $$;;
esac
"""
TEXT = """
backend app
  option external-check
  external-check command {folder}/program
  external-check path /usr/bin:/bin:{folder}
  server good 127.0.0.1:{port} check inter 200ms maxconn 7
  server code 127.0.0.1:{port} check inter 200ms id 77
  server slow [::1]:{port} check inter 200ms
  server killed unix@{folder}/socket check inter 200ms
listen own
  bind 127.0.0.1:{own}
  option external-check
  external-check command {folder}/program
  external-check path /usr/bin:/bin
  server elsewhere 127.0.0.1:{port} check inter 200ms addr 127.0.0.9 port 5
"""
COLUMNS = ("status", "check_status", "check_code", "check_desc", "last_chk", "check_health")
# HAProxy hands its own variables on, Tenbin's journal and test settings are its own.
OURS = ("HAPROXY_LOCALPEER", "HAPROXY_CFGFILES", "HAPROXY_BRANCH", "HAPROXY_MWORKER", "HAPROXY_CLI")


def test_programs_are_told_and_judged_as_by_haproxy(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    lease = Lease(3)
    texts = [TEXT.format(folder=tmp_path, port=lease.ports[0], own=own) for own in lease.ports[1:]]
    try:
        with both(texts[0], tmp_path, texts[1]) as (ours, theirs):
            for name in ("good", "code", "slow", "killed"):
                mine, other = settled(
                    partial(columns, ours, name, COLUMNS),
                    partial(columns, theirs, name, COLUMNS),
                )
                assert mine == other, name
    finally:
        lease.release()
    for name in ("good", "code", "slow", "killed", "elsewhere"):
        told = [_lines(tmp_path / f"{name}.{who}", lease.ports[1:]) for who in ("ours", "theirs")]
        assert told[0] == told[1], name


def _lines(file: Path, own: Sequence[int]) -> list[str]:
    """Without what HAProxy's process hands on, and with one name for the ports that are each one's own."""
    text = re.sub("|".join(map(str, own)), "OWN", file.read_text())
    return [line for line in text.splitlines() if not line.startswith(OURS)]
