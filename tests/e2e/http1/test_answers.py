"""HTTP/1.1 on the server's side: every way to end a body, interim answers, and streams with bounded memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.scripted import once
from tenbin.testing import ExchangeError, Failure
from tenbin.testing.client import chunked, request_bytes

if TYPE_CHECKING:
    from support.scripted import Peer, Scripted
    from tenbin.testing import Tenbin

MIB = 1024 * 1024


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
def test_statuses_with_and_without_bodies(scripted: Scripted, method: str, status: int) -> None:
    bodiless = method == "HEAD" or status in (204, 304)
    head = f"HTTP/1.1 {status} Why\r\n" + ("" if status == 204 else "Content-Length: 5\r\n") + "ETag: x\r\n\r\n"
    with scripted.client(once(head.encode() + (b"" if bodiless else b"hello"))) as client:
        got = client.request(method, "/")
        assert (got.status, got.header("etag")) == (status, "x")
        assert got.body == (b"" if bodiless else b"hello")
        scripted.server.script = once(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
        assert client.get("/").body == b"next"


def test_a_close_delimited_answer_arrives_whole(scripted: Scripted) -> None:
    with scripted.client(once(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)) as client:
        assert client.get("/").body == b"x" * 100_000


def test_a_chunked_answer_keeps_its_trailers(scripted: Scripted) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    body = chunked(b"he", b"llo" * 10_000, trailers=[("X-Sum", "5")])
    with scripted.client(once(head + body)) as client:
        got = client.request("GET", "/", [("TE", "trailers")])
        assert got.body == b"he" + b"llo" * 10_000
        assert got.trailers == (("x-sum", "5"),)


def test_a_chunked_answer_to_http_1_0_has_no_chunks(scripted: Scripted) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with scripted.client(once(head + chunked(b"hello", b"you"))) as client:
        client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        got = client.read_response()
        assert (got.delimited, got.body) == ("close", b"helloyou")


def test_early_hints_are_passed_on(scripted: Scripted) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    with scripted.client(once(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as client:
        got = client.get("/")
        assert [(interim.status, interim.header("link")) for interim in got.interim] == [(103, "</a.css>; rel=preload")]
        assert got.body == b"ok"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_truncated_answer_is_visibly_truncated(scripted: Scripted, data: bytes) -> None:
    with scripted.client(once(data)) as client, pytest.raises(ExchangeError) as caught:
        client.get("/")
    assert caught.value.failure in (Failure.TRUNCATED, Failure.RESET)
    assert caught.value.partial.startswith(b"HTTP/1.1 200")


def test_bytes_arrive_as_the_server_sends_them(scripted: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent 1\n\n")
        peer.read()

    with scripted.client(script) as client:
        client.send(request_bytes("GET", "/"))
        while b"event 1" not in client.reader.buffer:
            client.reader.feed(client.receive())


@pytest.mark.parametrize("target", [f"/bytes?n={64 * MIB}", "/stream?chunks=640&bytes=100000&pause=0"])
def test_large_answers_stream_whole(web: Tenbin, target: str) -> None:
    with web.client() as client:
        client.send(request_bytes("GET", target, [("Connection", "close")]))
        size = 0
        while data := client.receive():
            size += len(data)
        assert size >= 64_000_000


def test_a_client_that_does_not_read_costs_little_memory(web: Tenbin) -> None:
    before = _resident(web.dataplane_pid)
    clients = [web.client() for _ in range(20)]
    for client in clients:
        client.send(request_bytes("GET", f"/bytes?n={32 * MIB}"))
        assert client.receive().startswith(b"HTTP/1.1 200")
    assert web.get("/api/fast").status == 200
    assert _resident(web.dataplane_pid) - before < 20 * 256 * 1024
    for client in clients:
        client.close()


def test_a_server_that_does_not_read_holds_the_client_back(scripted: Scripted) -> None:
    with scripted.client(lambda peer: peer.read_head() and peer.wait_closed()) as client:
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]))
        client.socket.settimeout(0.3)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 64 * MIB:
                client.socket.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
        assert sent < 32 * MIB


def _resident(pid: int) -> int:
    """Bytes of memory that a process has resident."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
