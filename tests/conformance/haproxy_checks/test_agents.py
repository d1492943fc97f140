"""What agents say, and what becomes of it, beside HAProxy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy_checks.beside import Parrot, both, columns, settled
from support.reference import HAPROXY
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

TEXT = """
backend app
  server s1 127.0.0.1:{port} weight 40 agent-check agent-port {port} agent-inter 100ms
  server s2 127.0.0.1:{port} weight 40 check inter 100ms agent-check agent-port {port} agent-inter 100ms
"""
COLUMNS = (
    "status",
    "weight",
    "slim",
    "agent_status",
    "agent_code",
    "agent_desc",
    "agent_rise",
    "agent_fall",
    "agent_health",
    "last_agt",
    "check_status",
)
WORDS = (
    b"up\n",
    b"",
    b"50%\n",
    b"down # why not\n",
    b"up drain\n",
    b"ready 20% maxconn:30\n",
    b"foo up\r\n",
    b"foo\n",
    b"STOPPED\n",
    b"fail,#x\n",
    b"up\n",
    b"stopped#x\n",
    b"drain#x\n",
    b"ready\n",
    b"up#fine 30%\n",
    b"up,,20%\t#fine\n",
    b"#nothing\n",
    b"up;down\n",
    b"failed\n",
    b"maint\n",
    b"ready\n",
    b"up ready 300000%\n",
    b"maxconn:x\n",
    b"up # all right\n",
    b"0%\n",
    b"1%,up\n",
)


def test_every_word_does_what_it_does_in_haproxy(tmp_path: Path) -> None:
    with Parrot() as agent, both(TEXT.format(port=agent.port), tmp_path) as (ours, theirs):
        for words in WORDS:
            agent.words = words
            # Two servers of two sides, and each of them three times.
            known = agent.asked
            wait_for(lambda known=known: agent.asked >= known + 12, 8, "each has asked anew")  # type: ignore[misc]
            for server in ("s1", "s2"):
                mine, other = settled(
                    partial(columns, ours, server, COLUMNS),
                    partial(columns, theirs, server, COLUMNS),
                )
                assert mine == other, (words, server)


def test_agents_are_steered_over_the_runtime_api(tmp_path: Path) -> None:
    with Parrot(b"up\n") as agent, both(TEXT.format(port=agent.port), tmp_path) as (ours, theirs):
        for command, words in (
            ("disable agent app/s1", b"down\n"),
            ("show version", b"ready\n"),
            ("set server app/s2 agent up", b"ready\n"),
            ("set server app/s2 agent down", b"ready\n"),
            ("enable agent app/s1", b"down\n"),
            ("set server app/s1 agent-send hello", b"up\n"),
            ("set server app/s1 agent-port 1", b"up\n"),
        ):
            agent.words = words if words == b"ready\n" else agent.words
            assert (ours(command) == theirs(command)) or command == "show version", command
            agent.words = words
            for server in ("s1", "s2"):
                names = [name for name in COLUMNS if name not in {"agent_status", "agent_code", "agent_desc"}]
                mine, other = settled(
                    partial(columns, ours, server, names),
                    partial(columns, theirs, server, names),
                )
                assert mine == other, (command, server)
