"""The demo application as its users see it: one real process, real requests."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import websockets

from tenbin.testing import Client, ExchangeError, Failure, Process, Response, fetch, wait_for
from tenbin.testing.client import chunked, request_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Servers
    from tenbin.testing.client import Address


@pytest.fixture
def address(trio: Servers) -> Address:
    return ("127.0.0.1", trio.port("server1"))


def test_health_names_the_server(address: Address) -> None:
    answer = fetch(address, "/health")
    assert (answer.status, answer.server) == (200, "server1")
    value = answer.json()
    assert (value["status"], value["server"], value["container"]) == ("healthy", "server1", "server1")
    assert value["uptime"] >= 0


def test_whoami_shows_process_and_headers(address: Address, trio: Servers) -> None:
    value = fetch(address, "/api/whoami", ("X-Test", "a b")).json()
    assert value["pid"] == trio.processes["server1"].pid
    assert value["headers"]["x-test"] == "a b"
    assert {"server", "container", "hostname", "timestamp"} <= value.keys()


def test_a_session_is_kept_by_cookie(address: Address) -> None:
    first = fetch(address, "/api/session")
    cookie = first.header("set-cookie").split(";")[0]
    second = fetch(address, "/api/session", ("Cookie", f"other=1; {cookie}"))
    assert first.json()["sessionId"] == second.json()["sessionId"]
    assert (first.json()["visits"], second.json()["visits"]) == (1, 2)


def test_a_session_is_kept_by_header(address: Address) -> None:
    body = b'{"clientId": 7, "requestNum": 0}'
    first = fetch(address, "/api/session", method="POST", body=body)
    second = fetch(address, "/api/session", ("X-Session-Id", first.header("x-session-id")), method="POST", body=body)
    assert second.json()["requestCount"] == 2
    assert second.json()["clientId"] == 7


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/api/fast", 200),
        ("GET", "/api/error", 500),
        ("GET", "/api/load-test?iterations=1000", 200),
        ("GET", "/api/load-test?iterations=-1", 400),
        ("GET", "/nothing", 404),
        ("DELETE", "/api/whoami", 405),
        ("GET", "/ws", 426),
    ],
)
def test_statuses(address: Address, method: str, target: str, status: int) -> None:
    assert fetch(address, target, method=method).status == status


def test_slow_takes_around_half_a_second(address: Address) -> None:
    with Client(address) as client:
        assert client.get("/api/slow").json()["type"] == "slow"


def test_a_long_operation_lasts_as_asked(address: Address) -> None:
    answer = fetch(address, "/api/long-operation", method="POST", body=b'{"duration": 50}')
    assert answer.json() == {"server": "server1", "container": "server1", "duration": 50, "completed": True}
    assert fetch(address, "/api/long-operation", method="POST", body=b"[1]").status == 400


def test_bodies_arrive_whole(address: Address) -> None:
    with Client(address) as client:
        assert len(client.get("/bytes?n=5000000").body) == 5_000_000
        stream = client.get("/stream?chunks=5&bytes=100")
        assert (stream.delimited, len(stream.body)) == ("chunked", 500)
        head = client.request("HEAD", "/bytes?n=5000000")
        assert (head.header("content-length"), head.body) == ("5000000", b"")
        client.send(request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")]) + chunked(b"he", b"llo"))
        assert client.read_response().json()["body"] == "hello"


def test_a_client_that_waits_for_100_gets_it(address: Address) -> None:
    with Client(address) as client:
        client.send(request_bytes("POST", "/echo", [("Expect", "100-continue"), ("Content-Length", "2")]))
        assert client.read_interim().status == 100
        client.send(b"hi")
        assert client.read_response().json()["body"] == "hi"


def test_http_1_0_closes_and_gets_no_chunks(address: Address) -> None:
    with Client(address) as client:
        client.send(b"GET /stream?chunks=2&bytes=10 HTTP/1.0\r\n\r\n")
        answer = client.read_response()
    assert (answer.delimited, len(answer.body)) == ("close", 20)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_and_closed(address: Address, raw: bytes, status: int) -> None:
    with Client(address) as client:
        client.send(raw)
        answer = client.read_response()
        assert (answer.status, answer.keep_alive) == (status, False)


def test_one_byte_a_segment_makes_no_difference(address: Address) -> None:
    with Client(address) as client:
        client.send_bytewise(request_bytes("POST", "/echo", [("Transfer-Encoding", "chunked")]) + chunked(b"abc", b"d"))
        assert client.read_response().json()["body"] == "abcd"


def test_websocket_echoes_messages_and_pings(address: Address) -> None:
    async def talk() -> None:
        async with websockets.connect(f"ws://{address[0]}:{address[1]}/ws") as peer:
            for message in ("text", b"binary" * 30_000, "ä" * 200):
                await peer.send(message)
                assert await peer.recv() == message
            await peer.send(["in ", "parts"])
            assert await peer.recv() == "in parts"
            await (await peer.ping())

    asyncio.run(talk())


def test_sigterm_lets_work_end_and_refuses_new(servers: Servers) -> None:
    address = ("127.0.0.1", servers.start("server1"))
    process = servers.processes["server1"]
    answers: list[Response] = []
    work = threading.Thread(
        target=lambda: answers.append(fetch(address, "/api/long-operation", method="POST", body=b'{"duration": 1500}'))
    )
    with Client(address) as idle:
        assert idle.get("/health").status == 200
        work.start()
        assert idle.get("/api/slow").status == 200
        process.signal(signal.SIGTERM)
        wait_for(lambda: "SIGTERM" in process.output(), 5)
        refused = idle.get("/api/whoami")
        assert (refused.status, refused.keep_alive) == (503, False)
        with pytest.raises(ExchangeError) as caught:
            fetch(address, "/health")
        assert caught.value.failure is Failure.CONNECT
    work.join(10)
    assert [answer.status for answer in answers] == [200]
    assert process.wait(5) == 0


def test_sigint_ends_at_once(servers: Servers) -> None:
    address = ("127.0.0.1", servers.start("server1"))
    process = servers.processes["server1"]
    with Client(address) as client:
        client.send(request_bytes("POST", "/api/long-operation", body=b'{"duration": 20000}'))
        process.signal(signal.SIGINT)
        assert process.wait(3) == 0


def test_a_taken_port_is_said_so(servers: Servers, tmp_path: Path) -> None:
    port = servers.start("server1")
    code = f"import sys; from tenbin.demo.backend import main; sys.exit(main('x', {port}))"
    with Process("second", (sys.executable, "-c", code), tmp_path) as second:
        assert second.wait(10) == 1
        assert f"cannot listen on 127.0.0.1:{port}" in second.output()
