"""The users' configurations in HAProxy's language, run by Tenbin and, where it is installed, by HAProxy itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.edge import Placed, Program, placed, running, wait_up
from support.reference import HAPROXY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers

CONFIGS = Path(__file__).parent / "configs"
BOTH = ("run", pytest.param("oracle", marks=pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")))


@pytest.fixture(params=BOTH)
def program(request: pytest.FixtureRequest) -> Program:
    """Who runs the configuration."""
    chosen: Program = request.param
    return chosen


@pytest.fixture
def dual(tmp_path: Path, servers: Servers) -> Iterator[Placed]:
    """Two servers with a spare behind sticky sessions, a rate limit and TLS; `servers` runs the first two."""
    text = (CONFIGS / "dual_servers.cfg").read_text()
    with placed(text, tmp_path, servers.some(2)) as config:
        yield config


@pytest.fixture
def dual_running(dual: Placed, program: Program) -> Iterator[Placed]:
    """The same at work, its servers checked."""
    with running(dual, program):
        wait_up(dual, "webservers/server1", "webservers/server2")
        yield dual
