"""Tenbin in front of a server that speaks HTTP/2 and does what a test says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from support.scripted import ScriptedServer
from support.streams import Session, serving
from tenbin.testing import Client, Tenbin, config_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Script
    from support.streams import Asked

TIMEOUTS = {"server": "2s", "connect": "1s", "client": "10s", "queue": "1s", "keep_alive": "10s"}


class Multiplexed(NamedTuple):
    """A Tenbin with one thread in front of one server; every request goes on a connection of its own."""

    tenbin: Tenbin
    server: ScriptedServer

    def client(self, script: Script) -> Client:
        """Give the server a script and open a connection to Tenbin."""
        self.server.script = script
        self.server.peers.clear()
        return Client(self.tenbin.address)


def hello(session: Session, asked: Asked) -> None:
    """Answer with what was asked for."""
    session.answer(asked.stream, asked.path.encode())


@pytest.fixture(scope="module")
def _multiplexed() -> Iterator[Multiplexed]:
    with ScriptedServer(serving(hello)) as server:
        backend = {"protocol": "http2", "pool": {"reuse": "never"}, "retry": {"budget": "100%"}}
        with Tenbin(config_text({"only": server.port}, backend, threads=1, timeouts=TIMEOUTS)) as tenbin:
            yield Multiplexed(tenbin, server)


@pytest.fixture
def multiplexed(_multiplexed: Multiplexed) -> Multiplexed:
    """A Tenbin in front of one server that speaks HTTP/2; every request goes on a connection of its own."""
    return _multiplexed
