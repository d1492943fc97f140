"""Instances that many tests of a worker share, because starting one takes longer than most tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import Scripted, ScriptedServer, answering
from tenbin.testing import Tenbin, config_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers


SHORT = {"header": "1s", "client": "1s", "server": "1s", "connect": "1s", "queue": "1s", "keep_alive": "1s"}


@pytest.fixture(scope="session")
def web(trio: Servers) -> Iterator[Tenbin]:
    """A Tenbin in front of server1, server2 and server3, with nothing else configured."""
    with Tenbin(config_text(trio.ports)) as tenbin:
        yield tenbin


@pytest.fixture(scope="session")
def _scripted() -> Iterator[Scripted]:
    with ScriptedServer(answering()) as server:
        backend = {"pool": {"reuse": "never"}}
        frontend = {"limits": {"body": "1m"}}
        with Tenbin(config_text({"only": server.port}, backend, frontend, timeouts=SHORT)) as tenbin:
            yield Scripted(tenbin, server)


@pytest.fixture
def scripted(_scripted: Scripted) -> Scripted:
    """A Tenbin with timeouts of 1 s and bodies up to 1 MiB, in front of a server that does what the test says."""
    _scripted.server.script = answering()
    _scripted.server.peers.clear()
    return _scripted
