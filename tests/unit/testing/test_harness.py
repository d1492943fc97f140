"""The harness proves itself: against the demo server alone, and against HAProxy and nginx."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from faults.harness.peers import HAProxy, Nginx
from faults.harness.scene import Scene
from support.reference import HAPROXY, NGINX
from support.scripted import OK, ScriptedServer, answering
from tenbin.testing import (
    Client,
    DeadlineError,
    ExchangeError,
    Failure,
    Load,
    RunningLoad,
    chi_square,
    fetch,
    lease,
    wait_for,
)
from tenbin.testing.client import chunked, request_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Servers


def test_leased_ports_are_free_and_taken_once() -> None:
    with lease(5) as first, lease(5) as second:
        assert len({*first.ports, *second.ports}) == 10
        for port in first.ports:
            socket.create_server(("127.0.0.1", port)).close()


def test_wait_for_says_what_was_the_case() -> None:
    with pytest.raises(DeadlineError, match=r"not within 0.05 s: the moon is full; last: 0"):
        wait_for(lambda: 0, 0.05, "the moon is full")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Failure.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel", Failure.TRUNCATED),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello", Failure.MALFORMED),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok\r\n\r\n", Failure.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", Failure.MALFORMED),
        (b"HTTP/1.1 200", Failure.TRUNCATED),
        (b"", Failure.CLOSED_AFTER),
    ],
)
def test_the_client_names_what_was_wrong_with_an_answer(answer: bytes, failure: Failure) -> None:
    def script(peer: object) -> None:
        peer.read_head()  # type: ignore[attr-defined]
        peer.send(answer)  # type: ignore[attr-defined]

    with ScriptedServer(script) as server, pytest.raises(ExchangeError) as caught:
        fetch(("127.0.0.1", server.port), "/")
    assert caught.value.failure is failure


def test_a_close_before_the_request_is_told_apart() -> None:
    with ScriptedServer(lambda peer: peer.send(peer.read_head() and OK)) as server:
        client = Client(("127.0.0.1", server.port))
        assert client.get("/").body == b"ok"
        wait_for(client.peer_closed, 5, "the FIN arrives")
        with pytest.raises(ExchangeError) as caught:
            client.get("/")
        assert caught.value.failure is Failure.CLOSED_BEFORE


def test_the_client_reads_interim_answers_chunks_and_trailers() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ScriptedServer(answering(answer + chunked(b"he", b"llo", trailers=[("X-Sum", "5")]))) as server:
        response = fetch(("127.0.0.1", server.port), "/")
    assert [interim.status for interim in response.interim] == [103]
    assert (response.body, response.trailers) == (b"hello", (("x-sum", "5"),))


def test_pipelined_requests_come_back_in_order(trio: Servers) -> None:
    with Client(("127.0.0.1", trio.port("server1"))) as client:
        client.send(b"".join(request_bytes("GET", target) for target in ("/bytes?n=1", "/api/slow", "/bytes?n=3")))
        sizes = [len(client.read_response().body) for _ in range(3)]
    assert sizes[0] == 1
    assert sizes[2] == 3


@pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
def test_load_through_haproxy_is_even_and_survives_a_kill(servers: Servers, tmp_path: Path) -> None:
    with HAProxy(Scene(servers.some(2)), tmp_path) as haproxy:
        with RunningLoad(haproxy.address, Load(rps=100, duration=4)) as run:
            run.wait_until(1)
            servers.kill("server1")
            summary = run.result()
        assert not summary.failed, summary.describe()
        assert len(summary.records) == 400
        assert chi_square(summary.servers(until=1), ["server1", "server2"]) < 3.841, summary.describe()
        assert summary.servers(since=2).keys() == {"server2"}
        assert min(summary.by_second()[:4]) >= 80


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_load_through_nginx_on_new_connections(trio: Servers, tmp_path: Path) -> None:
    with (
        Nginx(Scene(trio.first(2)), tmp_path) as nginx,
        RunningLoad(nginx.address, Load(rps=200, duration=1, keep_alive=False)) as run,
    ):
        summary = run.result()
    assert not summary.failed, summary.describe()
    assert chi_square(summary.servers(), ["server1", "server2"]) < 3.841


def test_answers_must_be_those_of_their_requests(trio: Servers) -> None:
    address = ("127.0.0.1", trio.port("server1"))
    kept = Load(rps=100, duration=0.5, connections=5, tagged=True)
    with (
        RunningLoad(address, replace(kept, target="/echo")) as good,
        RunningLoad(address, replace(kept, target="/api/fast")) as bad,
    ):
        assert not good.result().failed
        assert bad.result().kinds() == {"another": 50}


def test_failures_of_a_load_are_recorded_not_hidden(servers: Servers) -> None:
    port = servers.start("server1")
    with RunningLoad(("127.0.0.1", port), Load(rps=50, duration=1.5)) as run:
        run.wait_until(0.5)
        servers.kill("server1")
        summary = run.result()
    assert len(summary.records) == 75
    assert {record.error.split(":")[0] for record in summary.failed} <= {"connect", "reset", "closed-after"}
    assert len(summary.failed) > 20
    assert summary.longest_gap() < 1


def test_the_load_runs_beside_an_event_loop(trio: Servers) -> None:
    async def both() -> int:
        with RunningLoad(("127.0.0.1", trio.port("server1")), Load(rps=50, duration=0.2)) as run:
            return len((await asyncio.to_thread(run.result)).records)

    assert asyncio.run(both()) == 10
