"""HTTP/1.1 on the client's side: connections that stay, pipelines, bodies, and what must not be forwarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, ScriptedServer, once
from tenbin.testing import config_text, wait_for
from tenbin.testing.client import chunked, request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer, Scripted
    from tenbin.testing import Tenbin


def test_a_connection_carries_many_requests(web: Tenbin) -> None:
    with web.client() as client:
        answers = [client.get("/api/whoami") for _ in range(30)]
    assert {answer.server for answer in answers} == {"server1", "server2", "server3"}
    assert all(answer.keep_alive for answer in answers)


def test_pipelined_requests_are_answered_in_order(web: Tenbin) -> None:
    sizes = [1, 70_000, 3, 0, 20_000]
    with web.client() as client:
        client.send(b"".join(request_bytes("GET", f"/bytes?n={size}") for size in sizes))
        assert [len(client.read_response().body) for _ in sizes] == sizes


def test_a_slow_answer_does_not_let_the_next_pass(web: Tenbin) -> None:
    with web.client() as client:
        client.send(request_bytes("GET", "/api/slow") + request_bytes("GET", "/api/fast"))
        assert client.read_response().json()["type"] == "slow"
        assert client.read_response().json()["type"] == "fast"


def test_connection_close_is_answered_and_done(web: Tenbin) -> None:
    with web.client() as client:
        answer = client.get("/api/fast", ("Connection", "close"))
        assert not answer.keep_alive
        assert client.read_to_end() == b""


def test_http_1_0_is_answered_and_closed(web: Tenbin) -> None:
    with web.client() as client:
        client.send(b"GET /stream?chunks=3&bytes=10 HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = client.read_response()
        assert (answer.delimited, len(answer.body)) == ("close", 30)


def test_http_1_0_keep_alive_is_kept(web: Tenbin) -> None:
    with web.client() as client:
        for _ in range(2):
            client.send(b"GET /api/fast HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            answer = client.read_response()
            assert (answer.status, answer.delimited) == (200, "length")


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 1_000_000])
def test_bodies_with_a_length_arrive_whole(web: Tenbin, size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    with web.client() as client:
        answer = client.request("POST", "/echo", body=body)
        assert answer.json()["body"].encode("latin-1") == body
        assert client.get("/api/fast").status == 200


@pytest.mark.parametrize("sizes", [[], [1], [5, 7], [100_000, 1, 100_000]])
def test_chunked_bodies_arrive_whole(web: Tenbin, sizes: list[int]) -> None:
    chunks = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
    with web.client() as client:
        client.send(request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")]) + chunked(*chunks))
        assert client.read_response().json()["body"].encode() == b"".join(chunks)
        assert client.get("/api/fast").status == 200


def test_a_request_split_at_every_byte_is_the_same_request(web: Tenbin) -> None:
    data = request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked"), ("X-A", "b")]) + chunked(b"abc", b"d" * 40)
    with web.client() as client:
        client.send_bytewise(data)
        assert client.read_response().json()["body"] == "abc" + "d" * 40
    for cut in range(1, len(data), 7):
        with web.client() as client:
            client.send(data[:cut])
            client.send(data[cut:])
            assert client.read_response().status == 200


def test_request_trailers_reach_the_server(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.read_until(b"\r\n0\r\n")
        peer.read_until(b"\r\n\r\n")
        peer.send(OK)

    with scripted.client(script) as client:
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]))
        client.send(chunked(b"hello", trailers=[("X-Sum", "5")]))
        assert client.read_response().status == 200
    assert b"x-sum: 5" in scripted.server.received.lower()


def test_100_continue_comes_from_the_server(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        head = peer.read_head()
        assert b"100-continue" in head.lower()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert peer.read_exactly(5) == b"hello"
        peer.send(OK)

    with scripted.client(script) as client:
        client.send(request_bytes("POST", "/", [("Expect", "100-continue"), ("Content-Length", "5")]))
        assert client.read_interim().status == 100
        client.send(b"hello")
        assert client.read_response().status == 200


def test_a_final_answer_instead_of_100_is_passed_on(scripted: Scripted) -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with scripted.client(once(refusal)) as client:
        client.send(request_bytes("POST", "/", [("Expect", "100-continue"), ("Content-Length", "50000")]))
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (413, "")


def test_an_early_answer_reaches_a_client_that_still_sends(scripted: Scripted) -> None:
    early = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(early)
        peer.hold()

    with scripted.client(script) as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "1000000")]) + b"x" * 100_000)
        assert client.read_response().body == b"no"


def test_a_half_closed_client_gets_its_answer(web: Tenbin) -> None:
    with web.client() as client:
        client.send(request_bytes("GET", "/api/slow"))
        client.half_close()
        assert client.read_response().json()["type"] == "slow"
        assert client.read_to_end() == b""


def test_a_client_that_resets_ends_the_request_at_the_server(start_tenbin: StartTenbin) -> None:
    gone = []

    def script(peer: Peer) -> None:
        peer.read_head()
        gone.append(peer.read())

    with ScriptedServer(script) as server:
        tenbin = start_tenbin(config_text({"only": server.port}))
        client = tenbin.client()
        client.send(request_bytes("GET", "/"))
        wait_for(lambda: b"\r\n\r\n" in server.received, 5)
        client.reset()
        wait_for(lambda: gone == [b""], 3, "the server sees the end")


def test_server_connections_are_used_again(web: Tenbin) -> None:
    def server() -> dict[str, int]:
        traffic: dict[str, int] = web.server("app/server1")["traffic"]
        return traffic

    before = server()
    with web.client() as client:
        for _ in range(60):
            client.get("/api/fast")
    wait_for(lambda: server()["requests"] >= before["requests"] + 20, 5)
    assert server()["connects"] - before["connects"] <= 2
    assert server()["reuses"] - before["reuses"] >= 18
