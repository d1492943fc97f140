"""Idle connections to servers: how many are kept, for how long, and which requests may go on them."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from support.scripted import OK, ScriptedServer, answering
from tenbin.testing import Client, Lease, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from tenbin.testing.client import Address

POOL: dict[str, object] = {"reuse": "safe", "max_idle": 16, "idle_timeout": 0}


class Counted:
    """A server's script that notes whose connection has ended."""

    def __init__(self, together: int = 1) -> None:
        self.ended: list[int] = []
        self._together = threading.Barrier(together)

    def __call__(self, peer: Peer) -> None:
        """Answer the first request only when as many others are there."""
        if peer.read_head():
            if peer.number < self._together.parties:
                self._together.wait(10)
            peer.send(OK)
            answering()(peer)
        self.ended.append(peer.number)


class Pooled:
    """A data plane of one thread, whose every backend has a listener of its own."""

    def __init__(self, plane: BareDataplane, lease: Lease) -> None:
        self._plane = plane
        self.addresses = [("127.0.0.1", port) for port in lease.ports]

    def apply(self, *backends: tuple[ScriptedServer, dict[str, object]]) -> None:
        listeners, frontends, apps = {}, [], []
        for number, (server, pool) in enumerate(backends):
            address = self.addresses[number]
            self._plane.listen(address, threads=1)
            listeners[f"{address[0]}:{address[1]}"] = f"web{number}"
            frontends.append(frontend(f"web{number}", f"app{number}"))
            apps.append(backend(f"app{number}", {"only": f"127.0.0.1:{server.port}"}, pool={**POOL, **pool}))
        whole: dict[str, Any] = snapshot(1, listeners, frontends, apps)
        whole["threads"] = 1
        answer = self._plane.ask("apply", snapshot=whole)
        assert answer["ok"], answer


@pytest.fixture
def pooled() -> Iterator[Pooled]:
    with BareDataplane() as plane, Lease(2) as lease:
        yield Pooled(plane, lease)


def get(address: Address) -> None:
    with Client(address) as client:
        assert client.get("/").status == 200


def post(address: Address) -> None:
    with Client(address) as client:
        assert client.request("POST", "/").status == 200


def test_no_more_than_max_idle_are_kept(pooled: Pooled) -> None:
    script = Counted(together=3)
    with ScriptedServer(script) as server:
        pooled.apply((server, {"max_idle": 1}))
        threads = [threading.Thread(target=get, args=(pooled.addresses[0],)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        wait_for(lambda: len(script.ended) == 2, 5, "those above max_idle are closed")
        get(pooled.addresses[0])
        assert len(server.peers) == 3, "the one that was kept is used"
        assert len(script.ended) == 2


def test_idle_timeout_closes_and_0_does_not(pooled: Pooled) -> None:
    short, endless = Counted(), Counted()
    with ExitStack() as stack:
        servers = [stack.enter_context(ScriptedServer(script)) for script in (short, endless)]
        pooled.apply((servers[0], {"idle_timeout": 300}), (servers[1], {"idle_timeout": 0}))
        # The endless one is idle for longer, whenever the short ones are looked through.
        for address in reversed(pooled.addresses):
            get(address)
        wait_for(lambda: short.ended == [0], 5, "an idle connection is closed in time")
        assert endless.ended == []
        for address in pooled.addresses:
            get(address)
        assert [len(server.peers) for server in servers] == [2, 1]


@pytest.mark.parametrize(("reuse", "connections"), [("always", 1), ("safe", 2), ("never", 3)])
def test_what_cannot_be_repeated_waits_for_no_fresh_connection_if_reuse_is_always(
    pooled: Pooled, reuse: str, connections: int
) -> None:
    with ScriptedServer(answering()) as server:
        pooled.apply((server, {"reuse": reuse}))
        get(pooled.addresses[0])
        post(pooled.addresses[0])
        get(pooled.addresses[0])
        assert len(server.peers) == connections


@pytest.mark.parametrize(("reuses", "carried"), [(0, [1, 1, 1, 1, 1]), (2, [3, 2])])
def test_a_connection_is_used_as_often_as_its_server_wants(
    start_tenbin: StartTenbin, reuses: int, carried: list[int]
) -> None:
    with ScriptedServer(answering()) as server:
        own = {"only": {"port": server.port, "max_reuse": reuses}}
        tenbin = start_tenbin(config_text(own, threads=1))
        for _ in range(5):
            get(tenbin.address)
        assert [bytes(peer.received).count(b"GET / ") for peer in server.peers] == carried
        # With its last request a server is told that none follows, so that it ends the connection first.
        told = [bytes(peer.received).lower().count(b"connection: close") for peer in server.peers]
        assert told == [int(count == reuses + 1) for count in carried]
