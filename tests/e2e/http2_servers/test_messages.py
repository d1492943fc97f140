"""What a client of HTTP/1.1 says reaches a server of HTTP/2, and what that answers comes back, whole and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes
from h2.events import PingAckReceived, StreamEnded
from h2.settings import SettingCodes

from support.streams import Session, serving
from tenbin.testing import Client, ExchangeError
from tenbin.testing.client import chunked, request_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.scripted import Peer, Script
    from support.streams import Asked

    from .conftest import Multiplexed

BODY = bytes(range(256)) * 4000


def seen(multiplexed: Multiplexed, send: Callable[[Client], object], fields: tuple[tuple[str, str], ...] = ()) -> Asked:
    """Return the request that the server got."""
    kept: list[Asked] = []

    def handle(session: Session, asked: Asked) -> None:
        kept.append(asked)
        session.answer(asked.stream, b"ok", 200, *fields)

    with multiplexed.client(serving(handle)) as client:
        send(client)
    return kept[0]


def test_fields_become_those_of_http2(multiplexed: Multiplexed) -> None:
    headers = (("Connection", "keep-alive, x-mine"), ("X-Mine", "1"), ("TE", "trailers, gzip"), ("Cookie", "a=b"))
    asked = seen(multiplexed, lambda client: client.get("/a?b=%20", *headers, ("X-Keep", "Yes")))
    assert (asked.get(":method"), asked.get(":scheme"), asked.path) == ("GET", "http", "/a?b=%20")
    assert asked.get(":authority") == f"127.0.0.1:{multiplexed.tenbin.address[1]}"
    names = [name for name, _ in asked.fields]
    assert all(name == name.lower() for name in names)
    assert not {"host", "connection", "x-mine", "keep-alive", "transfer-encoding"} & set(names)
    assert (asked.get("x-keep"), asked.get("te"), asked.get("cookie")) == ("Yes", "trailers", "a=b")
    assert asked.get("x-forwarded-for") == "127.0.0.1"


def test_bodies_go_up_whole(multiplexed: Multiplexed) -> None:
    asked = seen(multiplexed, lambda client: client.request("POST", "/", body=BODY))
    assert bytes(asked.body) == BODY
    assert asked.get("content-length") == str(len(BODY))
    framed = request_bytes("POST", "/", [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")])
    whole = framed + chunked(b"one", b"two", trailers=[("X-Sum", "6")])

    def send(client: Client) -> None:
        client.send(whole)
        assert client.read_response().status == 200

    asked = seen(multiplexed, send)
    assert (bytes(asked.body), asked.trailers, asked.get("content-length")) == (b"onetwo", [("x-sum", "6")], "")


def test_answers_keep_status_fields_and_body(multiplexed: Multiplexed) -> None:
    def handle(session: Session, asked: Asked) -> None:
        stream = asked.stream
        match asked.path:
            case "/length":
                session.answer(stream, BODY, 200, ("set-cookie", "a=1"), ("set-cookie", "b=2"))
            case "/open":
                session.head(stream, 200, ("x-a", "1"))
                session.data(stream, BODY, ends=True)
            case "/trailers":
                session.head(stream, 200)
                session.data(stream, b"body")
                session.trailers(stream, ("grpc-status", "0"), ("content-type", "no/trailer"))
            case "/empty":
                session.head(stream, 200, ends=True)
            case "/304":
                session.head(stream, 304, ("etag", '"x"'), ends=True)
            case "/204":
                session.head(stream, 204, ends=True)
            case _:
                session.head(stream, 404, ("content-length", "7"), ends=True)

    with multiplexed.client(serving(handle)) as client:
        answer = client.get("/length")
        assert (answer.body, answer.all("set-cookie")) == (BODY, ["a=1", "b=2"])
        answer = client.get("/open")
        assert (answer.body, answer.delimited) == (BODY, "chunked")
        answer = client.get("/trailers")
        assert (answer.body, answer.trailers) == (b"body", (("grpc-status", "0"),))
        assert (client.get("/empty").body, client.get("/204").status) == (b"", 204)
        answer = client.get("/304")
        assert (answer.status, answer.header("etag"), answer.body) == (304, '"x"', b"")
        answer = client.request("HEAD", "/head")
        assert (answer.status, answer.header("content-length"), answer.body) == (404, "7", b"")


def test_interim_answers_come_through(multiplexed: Multiplexed) -> None:
    def script(peer: Peer) -> None:
        session = Session(peer)
        for _ in session.events():
            for asked in session.asked.values():
                if asked.get("expect"):
                    asked.fields.clear()
                    session.head(asked.stream, 100)
                if asked.ended:
                    session.head(asked.stream, 103, ("link", "</a>"))
                    session.answer(asked.stream, bytes(asked.body))
                    session.asked.pop(asked.stream)
                    break

    with multiplexed.client(script) as client:
        client.send(request_bytes("PUT", "/", [("Expect", "100-continue"), ("Content-Length", "4")]))
        assert client.read_interim().status == 100
        client.send(b"body")
        answer = client.read_response()
        assert (answer.status, answer.body) == (200, b"body")
        assert [interim.status for interim in answer.interim] == [103]


@pytest.mark.parametrize(
    "fields",
    [
        [(":status", "200"), ("connection", "close")],
        [(":status", "200"), ("transfer-encoding", "chunked")],
        [(":status", "200"), ("X-Upper", "1")],
        [("x", "1")],
        [(":status", "101"), ("upgrade", "websocket")],
        [(":status", "101")],
        [(":status", "200"), ("content-length", "5"), ("content-length", "6")],
        [(":status", "200"), ("x-large", "x" * 40_000)],
        [(":status", "200"), *((f"x-{number}", "1") for number in range(101))],
    ],
    ids=lambda fields: f"{fields[-1][0][:20]} {fields[-1][1][:10]}",
)
def test_answers_against_the_rules_are_refused(multiplexed: Multiplexed, fields: list[tuple[str, str]]) -> None:
    def handle(session: Session, asked: Asked) -> None:
        session.h2.send_headers(asked.stream, fields, end_stream=fields[0][1] != "101")
        session.flush()

    with multiplexed.client(serving(handle)) as client:
        answer = client.request("POST", "/", body=b"once")
        assert (answer.status, answer.header("tenbin-reason")) == (502, "bad-answer")


@pytest.mark.parametrize("length", ["4", "6"])
def test_a_body_of_another_length_is_no_whole_answer(multiplexed: Multiplexed, length: str) -> None:
    def handle(session: Session, asked: Asked) -> None:
        session.head(asked.stream, 200, ("content-length", length))
        session.data(asked.stream, b"12345", ends=True)

    with multiplexed.client(serving(handle)) as client, pytest.raises(ExchangeError):
        client.get("/")


def in_two(head: tuple[str, str], first: bytes, rest: bytes) -> Script:
    """Return a script that sends the rest of an answer once its beginning has been looked at."""

    def script(peer: Peer) -> None:
        session = Session(peer)
        for event in session.events():
            if isinstance(event, StreamEnded):
                session.head(min(session.asked), 200, head)
                session.data(min(session.asked), first)
                session.h2.ping(b"8 octets")
                session.flush()
            elif isinstance(event, PingAckReceived):
                session.data(min(session.asked), rest, ends=True)

    return script


@pytest.mark.parametrize("length", [0, 4])
def test_more_than_the_length_that_comes_late_is_no_whole_answer_either(multiplexed: Multiplexed, length: int) -> None:
    with multiplexed.client(in_two(("content-length", str(length)), b"1234"[:length], b"5")) as client:
        if length:
            with pytest.raises(ExchangeError):
                client.get("/")
        else:
            answer = client.request("POST", "/", body=b"once")
            assert (answer.status, answer.header("tenbin-reason")) == (502, "bad-answer")


@pytest.mark.parametrize("length", [0, 4])
def test_the_end_of_an_answer_may_come_late(multiplexed: Multiplexed, length: int) -> None:
    with multiplexed.client(in_two(("content-length", str(length)), b"1234"[:length], b"")) as client:
        answer = client.get("/")
        assert (answer.status, answer.body) == (200, b"1234"[:length])


def test_an_answer_before_the_whole_request(multiplexed: Multiplexed) -> None:
    """The rest of the upload is not wanted (RFC 9113, 8.1): the answer is whole all the same."""

    def script(peer: Peer) -> None:
        session = Session(peer, window=False)
        for _ in session.events():
            for asked in session.asked.values():
                if asked.body:
                    session.answer(asked.stream, b"enough", 413)
                    session.reset(asked.stream, ErrorCodes.NO_ERROR)
                    session.asked.pop(asked.stream)
                    break

    with multiplexed.client(script) as client:
        client.send(request_bytes("POST", "/", [("Content-Length", "1000000")]) + BODY[:300_000])
        answer = client.read_response()
        assert (answer.status, answer.body) == (413, b"enough")


def test_an_answer_that_breaks_off_never_looks_whole(multiplexed: Multiplexed) -> None:
    def handle(session: Session, asked: Asked) -> None:
        session.head(asked.stream, 200)
        session.data(asked.stream, b"some")
        session.reset(asked.stream)

    with multiplexed.client(serving(handle)) as client, pytest.raises(ExchangeError):
        client.get("/")


HANDSHAKE = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


def test_a_websocket_goes_over_an_extended_connect(multiplexed: Multiplexed) -> None:
    def script(peer: Peer) -> None:
        session = Session(peer, {SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
        for _ in session.events():
            for asked in session.asked.values():
                if asked.get(":protocol") and not asked.get("told"):
                    asked.fields.append(("told", "1"))
                    session.head(asked.stream, 200, ("sec-websocket-protocol", "echo"))
                if asked.body:
                    session.data(asked.stream, bytes(asked.body).upper(), ends=asked.ended)
                    asked.body.clear()
                elif asked.ended:
                    session.data(asked.stream, b"", ends=True)
                    return

    with multiplexed.client(script) as client:
        client.send(request_bytes("GET", "/chat", HANDSHAKE))
        answer = client.read_response()
        assert (answer.status, answer.header("upgrade").lower()) == (101, "websocket")
        assert answer.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert answer.header("sec-websocket-protocol") == "echo"
        client.send(b"ping")
        assert client.receive() == b"PING"
        client.half_close()
        assert client.read_to_end() == b""


def test_a_server_without_extended_connect_takes_no_websocket(multiplexed: Multiplexed) -> None:
    def handle(session: Session, asked: Asked) -> None:
        session.answer(asked.stream, b"plain")

    with multiplexed.client(serving(handle)) as client:
        client.send(request_bytes("GET", "/chat", HANDSHAKE))
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (502, "no-websocket")


def test_a_target_that_http2_cannot_say_is_the_clients_fault(multiplexed: Multiplexed) -> None:
    with multiplexed.client(serving(lambda session, asked: session.answer(asked.stream))) as client:
        client.send(b"GET /a<b HTTP/1.1\r\nHost: a.test\r\n\r\n")
        answer = client.read_response()
        assert (answer.status, answer.header("tenbin-reason")) == (400, "not-for-http2")


@pytest.mark.parametrize("kind", ["interim", "ping", "settings"])
def test_a_flood_ends_the_connection(multiplexed: Multiplexed, kind: str) -> None:
    sent = 0

    def script(peer: Peer) -> None:
        nonlocal sent
        session = Session(peer)
        for _ in session.events():
            if not session.asked:
                continue
            while sent < 1_000_000:
                match kind:
                    case "interim":
                        session.h2.send_headers(1, [(":status", "103"), ("link", "</a>")])
                    case "ping":
                        session.h2.ping(b"12345678")
                    case _:
                        session.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 100})
                peer.socket.sendall(session.h2.data_to_send())
                sent += 1

    with multiplexed.client(script) as client:
        answer = client.get("/")
        assert (answer.status, answer.header("tenbin-reason")) == (502, "bad-answer")
    assert sent < 1_000_000
