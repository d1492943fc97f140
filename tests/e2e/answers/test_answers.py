"""Every answer that Tenbin makes itself says why, in a header and in its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import once
from tenbin.testing import Client, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Scripted
    from support.servers import Servers
    from tenbin.testing import Response

MALFORMED = {
    b"GET / HTTP/1.1\r\n\r\n": (400, "host-missing"),
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n": (400, "target-byte"),
    b"GET / HTTP/1.1\nHost: a\n\n": (400, "bare-lf"),
    b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n": (400, "field-name-space"),
    b"GET / HTTP/1.1\r\nHost: a\r\n x\r\n\r\n": (400, "field-fold"),
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n": (
        400,
        "content-length-and-transfer-encoding",
    ),
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n": (501, "transfer-encoding-unknown"),
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000 + b"\r\n\r\n": (431, "head-too-big"),
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 150 + b"\r\n": (431, "too-many-fields"),
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n": (414, "target-too-long"),
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n": (413, "body-too-big"),
    b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n": (405, "trace-refused"),
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n": (405, "connect-refused"),
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n": (505, "version-unknown"),
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n": (400, "chunk-size"),
}


def explained(answer: Response, status: int, reason: str) -> None:
    """Assert that an answer names its reason in the header and, in words, in the body."""
    assert (answer.status, answer.header("tenbin-reason")) == (status, reason)
    assert reason in answer.body.decode()
    assert str(status) in answer.body.decode()
    assert answer.header("content-type").startswith("text/plain")


@pytest.mark.parametrize("raw", MALFORMED, ids=lambda raw: raw[:40].decode())
def test_what_is_refused_at_the_door(scripted: Scripted, raw: bytes) -> None:
    with scripted.client() as client:
        client.send(raw)
        answer = client.read_response()
        explained(answer, *MALFORMED[raw])
        assert not answer.keep_alive


def test_a_chunked_body_above_the_limit(scripted: Scripted) -> None:
    with scripted.client(lambda peer: peer.read_head() and peer.hold()) as client:
        client.send(request_bytes("POST", "/", [("Transfer-Encoding", "chunked")]))
        client.send(b"200000\r\n" + b"x" * 0x200000 + b"\r\n0\r\n\r\n")
        assert client.read_response().status == 413


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 99 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
    ids=lambda raw: raw[:30].decode(errors="replace"),
)
def test_a_bad_answer_of_a_server_is_a_502(scripted: Scripted, garbage: bytes) -> None:
    with scripted.client(once(garbage)) as client:
        answer = client.get("/")
    assert answer.status == 502
    assert answer.header("tenbin-reason") in answer.body.decode()
    assert answer.header("tenbin-reason")


def test_a_server_that_hangs_up_is_a_502(scripted: Scripted) -> None:
    with scripted.client(once(b"")) as client:
        explained(client.get("/"), 502, "server-closed")


def test_a_server_that_is_not_there_is_a_502(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text({"dead": servers.port("dead")}))
    explained(tenbin.get("/"), 502, "connect-failed")


def test_no_route_is_a_404(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), None, {"routes": [{"prefix": "/api/", "backend": "app"}]}))
    with tenbin.client() as client:
        explained(client.get("/other"), 404, "no-route")
        assert client.get("/api/fast").status == 200


def test_all_servers_in_maintenance_is_a_503(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    tenbin.run_cli("server", "maint", "app/server1")
    with tenbin.client() as client:
        answer = client.get("/")
        explained(answer, 503, "no-server-up")
        assert "app" in answer.body.decode()
        assert client.get("/").status == 503


def test_an_answer_to_head_has_no_body(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), None, {"routes": [{"prefix": "/api/", "backend": "app"}]}))
    with tenbin.client() as client:
        answer = client.request("HEAD", "/other")
        assert (answer.status, answer.body, answer.header("tenbin-reason")) == (404, b"", "no-route")
        assert client.get("/api/fast").status == 200


def test_a_lenient_listener_takes_bare_line_feeds(start_tenbin: StartTenbin, trio: Servers) -> None:
    frontend = {"listen": [{"address": "{listen}", "lenient": True}]}
    tenbin = start_tenbin(config_text(trio.first(1), None, frontend))
    with Client(tenbin.address) as client:
        client.send(b"GET /echo HTTP/1.1\nHost: a\n\n")
        assert client.read_response().status == 200


def test_reasons_are_counted(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text({"dead": servers.port("dead")}))
    for _ in range(3):
        tenbin.get("/")
    with tenbin.client() as client:
        client.send(b"nonsense\r\n\r\n")
        client.read_response()

    def errors() -> dict[str, int]:
        counted: dict[str, int] = tenbin.status()["frontends"][0]["traffic"]["errors"]
        return counted

    wait_for(lambda: sum(errors().values()) == 4, 5, lambda: str(errors()))
    assert errors()["connect-failed"] == 3
