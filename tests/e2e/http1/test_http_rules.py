"""What `http:` of a frontend lets through: TRACE, CONNECT, headers with an underscore in their name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, Scripted, ScriptedServer, answering, once
from tenbin.testing import Client, Tenbin, config_text, fetch, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers

CONNECT = b"CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n\r\n"
OPENED = b"HTTP/1.1 200 Opened\r\nContent-Length: 5\r\n\r\n"
UNDERSCORED = [("X_Own", "1"), ("x-kept", "2"), ("X_Forwarded_For", "6.6.6.6"), ("Content_Length", "3")]


@pytest.fixture(scope="module")
def _open() -> Iterator[Scripted]:
    frontend = {"http": {"trace": True, "connect": True, "underscores": "pass"}}
    with (
        ScriptedServer(answering()) as server,
        Tenbin(config_text({"only": server.port}, {"pool": {"reuse": "never"}}, frontend)) as tenbin,
    ):
        yield Scripted(tenbin, server)


@pytest.fixture
def opened(_open: Scripted) -> Scripted:
    """A Tenbin that lets everything through, in front of a server that does what the test says."""
    _open.server.script = answering()
    return _open


def test_trace_reaches_the_server(opened: Scripted) -> None:
    with opened.client() as client:
        assert client.request("TRACE", "/x").status == 200
    assert opened.server.received.startswith(b"TRACE /x HTTP/1.1\r\n")


@pytest.mark.parametrize("head", [b"TRACE / HTTP/1.1\r\nHost: a\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"])
@pytest.mark.parametrize("body", [b"Content-Length: 2\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
def test_neither_carries_content(opened: Scripted, head: bytes, body: bytes) -> None:
    with opened.client() as client:
        client.send(head + body)
        answer = client.read_response()
    assert (answer.status, answer.header("tenbin-reason"), answer.keep_alive) == (400, "content-refused", False)
    assert not opened.server.peers


def test_a_tunnel_opens_after_the_servers_success_and_not_before(opened: Scripted) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        assert not peer.received.endswith(b"early")
        peer.send(OPENED + b"hello")
        peer.send(peer.read_exactly(9).upper())

    with opened.client(script) as client:
        client.send(CONNECT + b"early")
        got = client.receive()
        while not got.endswith(b"hello"):
            got += client.receive()
        # RFC 9110, 8.6: success for CONNECT has no Content-Length.
        assert got == b"HTTP/1.1 200 Opened\r\n\r\nhello"
        client.socket.sendall(b"late")
        assert client.read_to_end() == b"EARLYLATE"
    assert opened.server.received.startswith(b"CONNECT db.test:5432 HTTP/1.1\r\nHost: db.test:5432\r\n")


def test_a_refused_tunnel_ends_the_connection(opened: Scripted) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    with opened.client(once(refusal)) as client:
        client.send(CONNECT + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = client.read_response()
        assert (answer.status, answer.body, answer.keep_alive) == (403, b"no", False)
        assert client.read_to_end() == b""
    assert b"smuggled" not in opened.server.received


def test_headers_with_underscores_pass_unless_a_server_could_take_them_for_ours(opened: Scripted) -> None:
    with opened.client() as client:
        assert client.request("GET", "/", UNDERSCORED).status == 200
    received = opened.server.received.lower()
    assert b"x_own: 1\r\n" in received
    assert b"x-kept: 2\r\n" in received
    assert b"_for" not in received
    assert b"content_length" not in received
    assert dropped(opened.tenbin) == 2


@pytest.mark.parametrize("rule", [None, "drop", "refuse"])
def test_headers_with_underscores_are_dropped_and_counted_or_refused(
    start_tenbin: StartTenbin, trio: Servers, rule: str | None
) -> None:
    top = {"http": {"underscores": rule}} if rule else {}
    tenbin = start_tenbin(config_text(trio.first(1), **top))
    with Client(tenbin.address) as client:
        client.send(request_bytes("GET", "/echo", UNDERSCORED))
        answer = client.read_response()
    if rule == "refuse":
        assert (answer.status, answer.header("tenbin-reason")) == (400, "field-name-underscore")
        return
    names = {name for name, _ in answer.json()["headers"]}
    assert "x-kept" in names
    assert not [name for name in names if "_" in name]
    wait_for(lambda: dropped(tenbin) == 3, 5, lambda: str(dropped(tenbin)))
    assert 'tenbin_frontend_headers_dropped_total{frontend="web"} 3' in fetch(tenbin.admin, "/metrics").body.decode()


AMBIGUOUS = ("/a/../b", "/a/%2e%2e/b", "/..;/b", "//b", "/a%2fb", "/a\\b", "/%61", "/a%00")


def test_ambiguous_paths_pass_as_they_are_or_are_refused(start_tenbin: StartTenbin) -> None:
    with ScriptedServer(answering(OK)) as server:
        tenbin = start_tenbin(config_text({"only": server.port}))
        for target in AMBIGUOUS:
            assert tenbin.get(target).status == 200
            assert b"GET %s HTTP/1.1\r\n" % target.encode() in server.received
        tenbin.reload(config_text({"only": server.port}, http={"ambiguous_paths": "refuse"}))
        for target in AMBIGUOUS:
            answer = tenbin.get(target)
            assert (answer.status, answer.header("tenbin-reason")) == (400, "path-ambiguous")
        assert tenbin.get("/a.b/c/?x=/../y").status == 200


def dropped(tenbin: Tenbin) -> int:
    count: int = tenbin.status()["frontends"][0]["traffic"]["headers_dropped"]
    return count


def test_what_is_let_through_changes_with_a_reload(start_tenbin: StartTenbin) -> None:
    with ScriptedServer(answering(OK)) as server:
        tenbin = start_tenbin(config_text({"only": server.port}))
        with Client(tenbin.address) as client:
            assert client.request("TRACE", "/").status == 405
        tenbin.reload(config_text({"only": server.port}, http={"trace": True}))
        with Client(tenbin.address) as client:
            assert client.request("TRACE", "/").status == 200
