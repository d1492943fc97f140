"""A request is repeated on another server when that is safe, and only then."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, ScriptedServer, answering, once
from tenbin.testing import Client, ExchangeError, Load, RunningLoad, config_text, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer, Script
    from support.servers import Servers
    from tenbin.testing import Tenbin


def silent(peer: Peer) -> None:
    """Take the request and close."""
    peer.read_head()


def resetting(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


FAILING: dict[str, Script] = {"closes": silent, "resets": resetting}


@pytest.fixture
def bad() -> Iterator[ScriptedServer]:
    with ScriptedServer(silent) as server:
        yield server


def two(trio: Servers, bad: ScriptedServer, start_tenbin: StartTenbin, **retry: object) -> Tenbin:
    """A Tenbin in front of a bad server and a good one, in turn; retries are not scarce."""
    backend = {"retry": {"budget": "100%", **retry}}
    return start_tenbin(config_text({"bad": bad.port, "good": trio.port("server1")}, backend))


@pytest.mark.parametrize("how", FAILING)
def test_a_get_goes_to_another_server(start_tenbin: StartTenbin, trio: Servers, bad: ScriptedServer, how: str) -> None:
    bad.script = FAILING[how]
    tenbin = two(trio, bad, start_tenbin)
    answers = [tenbin.get("/api/whoami") for _ in range(6)]
    assert {(answer.status, answer.server) for answer in answers} == {(200, "server1")}
    assert len(bad.peers) >= 2
    wait_for(lambda: tenbin.status()["backends"][0]["traffic"]["redispatches"] >= 1, 5)


@pytest.mark.parametrize("how", FAILING)
def test_a_post_that_was_sent_is_not_repeated(
    start_tenbin: StartTenbin, trio: Servers, bad: ScriptedServer, how: str
) -> None:
    bad.script = FAILING[how]
    tenbin = two(trio, bad, start_tenbin)
    answers = [fetch(tenbin.address, "/echo", method="POST", body=b"x") for _ in range(4)]
    assert Counter(answer.status for answer in answers) == {200: 2, 502: 2}
    assert {answer.header("tenbin-reason") for answer in answers if answer.status == 502} == {"server-closed"}


def test_a_post_that_was_not_sent_is_repeated(start_tenbin: StartTenbin, servers: Servers) -> None:
    ports = {"dead": servers.port("dead"), "good": servers.start("good")}
    tenbin = start_tenbin(config_text(ports))
    answers = [fetch(tenbin.address, "/echo", method="POST", body=b"x") for _ in range(6)]
    assert {answer.status for answer in answers} == {200}


def test_nothing_is_repeated_after_a_byte_of_the_answer(
    start_tenbin: StartTenbin, trio: Servers, bad: ScriptedServer
) -> None:
    bad.script = once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel")
    tenbin = two(trio, bad, start_tenbin)
    failures = 0
    for _ in range(4):
        try:
            assert tenbin.get("/api/whoami").server == "server1"
        except ExchangeError:
            failures += 1
    assert failures == 2


def test_statuses_can_be_repeated_on_demand(start_tenbin: StartTenbin, trio: Servers, bad: ScriptedServer) -> None:
    bad.script = answering(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    tenbin = two(trio, bad, start_tenbin, attempts=1, on_status=[503])
    assert {tenbin.get("/api/whoami").status for _ in range(6)} == {200}


def test_retries_can_be_turned_off(start_tenbin: StartTenbin, trio: Servers, bad: ScriptedServer) -> None:
    tenbin = two(trio, bad, start_tenbin, attempts=0)
    assert Counter(tenbin.get("/api/whoami").status for _ in range(4)) == {200: 2, 502: 2}


def test_retries_have_a_budget(start_tenbin: StartTenbin, bad: ScriptedServer) -> None:
    with ScriptedServer(silent) as worse:
        tenbin = start_tenbin(config_text({"bad": bad.port, "worse": worse.port}, {"retry": {"budget": "20%"}}))
        with RunningLoad(tenbin.address, Load(rps=400, duration=2)) as load:
            assert {record.status for record in load.result().records} == {502}
        asked = len(bad.peers) + len(worse.peers)
    # 20 % of 800, and the 100 that are free in ten seconds.
    assert 800 <= asked <= 800 + 160 + 100, asked


def test_a_pooled_connection_that_has_died_is_not_noticed(
    start_tenbin: StartTenbin, trio: Servers, bad: ScriptedServer
) -> None:
    """A server that closes its kept connection just before a request must not cost the request, whatever its method."""

    def one_each(peer: Peer) -> None:
        if peer.read_head():
            peer.send(OK)

    bad.script = one_each
    tenbin = start_tenbin(config_text({"only": bad.port}))
    with Client(tenbin.address) as client:
        for method in ("GET", "GET", "PUT", "GET"):
            assert client.request(method, "/", body=b"" if method == "PUT" else None).status == 200
