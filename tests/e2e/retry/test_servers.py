"""The next try after a failure, and what else is done when a server was chosen: spoken to the data plane alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from support.scripted import OK, Peer, ScriptedServer
from tenbin.clock import SystemClock
from tenbin.testing import Client, Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCK = SystemClock()


@pytest.fixture
def front() -> Iterator[int]:
    with Lease(1) as lease:
        yield lease.ports[0]


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port on which nobody listens."""
    with Lease(1) as lease:
        yield lease.ports[0]


def answering(peer: Peer) -> None:
    while peer.read_head():
        peer.send(OK)


def apply(plane: BareDataplane, port: int, value: dict[str, object]) -> None:
    plane.listen(("127.0.0.1", port))
    whole = snapshot(1, {f"127.0.0.1:{port}": "web"}, [frontend("web", "app")], [value])
    answer = plane.ask("apply", snapshot=whole)
    assert answer["ok"], answer


def test_the_server_is_told_its_own_name(front: int) -> None:
    with ScriptedServer(answering) as server, BareDataplane() as plane:
        apply(plane, front, backend("app", {"s1": f"127.0.0.1:{server.port}"}, send_name="X-Server"))
        with Client(("127.0.0.1", front)) as client:
            assert client.get("/", ("X-Server", "forged")).status == 200
        assert [line for line in server.peers[0].received.split(b"\r\n") if b"erver" in line] == [b"X-Server: s1"]


def test_clients_are_sent_to_the_server_s_own_place(front: int, nobody: int) -> None:
    value = backend("app", {"s1": f"127.0.0.1:{nobody}"})
    value["servers"][0]["redirect"] = "http://cdn.example"  # type: ignore[index]
    with BareDataplane() as plane:
        apply(plane, front, value)
        with Client(("127.0.0.1", front)) as client:
            answer = client.get("/a?b=c")
            assert (answer.status, dict(answer.headers)["location"]) == (302, "http://cdn.example/a?b=c")
        with Client(("127.0.0.1", front)) as client:
            assert client.request("POST", "/a", body=b"").status == 502


def test_a_server_is_asked_once_more_after_a_while(front: int, nobody: int) -> None:
    retry = {"attempts": 2, "budget": 100, "redispatch": 0, "turn_around": 300, "after": ["connect"]}
    with BareDataplane() as plane:
        apply(plane, front, backend("app", {"s1": f"127.0.0.1:{nobody}"}, retry=retry))
        begun = CLOCK.now()
        with Client(("127.0.0.1", front)) as client:
            assert client.get("/").status == 502
        assert 0.6 <= CLOCK.now() - begun < 3


@pytest.mark.parametrize(("after", "tries"), [(["connect"], 1), (["connect", "closed"], 3)])
def test_only_what_is_to_be_repeated_is(front: int, after: list[str], tries: int) -> None:
    def closing(peer: Peer) -> None:
        peer.read_head()

    retry = {"attempts": 2, "budget": 100, "redispatch": 0, "after": after}
    with ScriptedServer(closing) as server, BareDataplane() as plane:
        apply(plane, front, backend("app", {"s1": f"127.0.0.1:{server.port}"}, retry=retry))
        with Client(("127.0.0.1", front)) as client:
            assert client.get("/").status == 502
        assert len(server.peers) == tries
