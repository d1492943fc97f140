"""Requests and answers over HTTP/2 to a server of HTTP/1: heads, bodies both ways, trailers, and broken ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes

from support import frames
from support.multiplexed import Multiplexed
from support.scripted import OK, Peer, answering
from tenbin.clock import SystemClock
from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.multiplexed import Stream
    from support.scripted import Scripted
    from tenbin.testing import Client

CLOCK = SystemClock()
MEGABYTE = 1024 * 1024


@pytest.fixture
def client(scripted: Scripted) -> Iterator[Multiplexed]:
    with Multiplexed(scripted.tenbin.address) as client:
        yield client


def wait_frame(raw: Client, reader: frames.FrameReader, *kinds: int) -> frames.Frame:
    """Return the first frame of these kinds among the next that come together."""
    while True:
        data = raw.receive()
        assert data, "the connection has ended"
        for frame in list(reader.feed(data)):
            if frame.kind in kinds:
                return frame


def head_of(scripted: Scripted) -> list[str]:
    """Return the lines of the only request that the server saw."""
    return bytes(scripted.server.wait_peer().received).decode().partition("\r\n\r\n")[0].split("\r\n")


def test_the_server_sees_the_same_request(scripted: Scripted, client: Multiplexed) -> None:
    crumbs = (("cookie", "a=b"), ("x-own", "1"), ("cookie", "c=d"), ("te", "trailers"))
    stream = client.get("/a/b?c=d", *crumbs)
    assert (stream.status, stream.body) == (200, b"ok")
    first, *lines = head_of(scripted)
    assert first == "GET /a/b?c=d HTTP/1.1"
    assert {"host: localhost", "cookie: a=b; c=d", "x-own: 1", "TE: trailers"} <= set(lines)


def test_a_head_has_no_body_and_its_length(scripted: Scripted, client: Multiplexed) -> None:
    scripted.server.script = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n")
    stream = client.wait(client.ask("/", method="HEAD"))
    assert (stream.ended, stream.body, dict(stream.headers)["content-length"]) == (True, b"", "7")
    assert "connection" not in dict(stream.headers)


@pytest.mark.parametrize("length", [True, False])
def test_a_body_goes_up_whole(scripted: Scripted, client: Multiplexed, length: bool) -> None:
    sent = bytes(range(256)) * 2000
    got = bytearray()

    def script(peer: Peer) -> None:
        chunked = b"chunked" in peer.read_head()
        while True:
            size = int(peer.read_until(b"\r\n"), 16) if chunked else len(sent)
            got.extend(peer.read_exactly(size))
            if not chunked or not size:
                break
            peer.read_until(b"\r\n")
        peer.send(OK)

    scripted.server.script = script
    more = (("content-length", str(len(sent))),) if length else ()
    assert client.wait(client.ask("/", *more, method="POST", body=sent)).status == 200
    assert bytes(got) == sent


def test_pieces_go_both_ways_as_they_come(scripted: Scripted, client: Multiplexed) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while size := int(peer.read_until(b"\r\n"), 16):
            peer.send(b"%x\r\n%s\r\n" % (size, peer.read_exactly(size)))
            peer.read_until(b"\r\n")
        peer.send(b"0\r\nX-Sum: 7\r\n\r\n")

    scripted.server.script = script
    number = client.begin("/")
    for piece in (b"one", b"two", b"three"):
        client.send(number, piece)
        client.wait_for(number, lambda stream, piece=piece: stream.body.endswith(piece))
    client.send(number, b"", end=True)
    stream = client.wait(number)
    assert (stream.body, stream.trailers) == (b"onetwothree", [("x-sum", "7")])


def test_trailers_go_up_and_those_that_change_the_message_do_not(scripted: Scripted, client: Multiplexed) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.read_until(b"0\r\n")
        peer.read_until(b"\r\n\r\n")
        peer.send(OK)

    scripted.server.script = script
    number = client.begin("/")
    client.send(number, b"body")
    client.h2.send_headers(number, [("x-sum", "7"), ("content-length", "9"), ("range", "a")], end_stream=True)
    assert client.wait(number).status == 200
    assert scripted.server.received.endswith(b"\r\nbody\r\n0\r\nx-sum: 7\r\n\r\n")


def test_interim_answers_come_before_the_final_one(scripted: Scripted, client: Multiplexed) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        peer.read_exactly(4)
        peer.send(OK)

    scripted.server.script = script
    number = client.begin("/", ("expect", "100-continue"), ("content-length", "4"))
    client.wait_for(number, lambda stream: stream.interim == [103, 100])
    client.send(number, b"body", end=True)
    assert client.wait(number).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    scripted: Scripted, client: Multiplexed, answer: bytes
) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer)

    scripted.server.script = script
    stream = client.wait(client.ask("/"))
    assert (stream.status, stream.ended, stream.reset) == (200, False, ErrorCodes.INTERNAL_ERROR)


def test_an_early_answer_ends_the_upload_without_blame(scripted: Scripted, client: Multiplexed) -> None:
    scripted.server.script = answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
    number = client.begin("/")
    client.send(number, b"some")
    stream = client.wait_for(number, lambda stream: stream.reset is not None)
    assert (stream.status, stream.body, stream.ended, stream.reset) == (403, b"no", True, ErrorCodes.NO_ERROR)
    assert client.get("/").status == 403, "the connection serves on"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("length", "sent"), [(4, b"hello"), (9, b"hello"), (0, b"x")])
def test_a_length_that_is_not_true_completes_no_request(
    scripted: Scripted, length: int, sent: bytes, *, late: bool
) -> None:
    """The server never has a whole request, whatever the frames do and however they come."""
    complete: list[bytes] = []
    path = b"/%d/%d" % (length, late)

    def script(peer: Peer) -> None:
        # A connection of the test before this one may be accepted only now.
        if b" %s " % path in peer.read_head():
            body = peer.read_exactly(length)
            if len(body) == length:
                complete.append(body)
            peer.hold()

    scripted.server.script = script
    fields = frames.request(path, b"POST", ((b"content-length", b"%d" % length),))
    head = frames.opening() + frames.headers(1, fields, end=False)
    pieces = [frames.data(1, sent, end=False), frames.data(1, b"!" if length < len(sent) else b"")]
    with scripted.tenbin.client() as raw:
        reader = frames.FrameReader()
        raw.send(head if late else head + pieces.pop(0))
        if late:
            # The head has been looked at before anything follows it.
            raw.send(frames.frame(frames.PING, b"8 octets"))
            assert wait_frame(raw, reader, frames.PING, frames.RST_STREAM).kind == frames.PING
        for piece in pieces:
            raw.send(piece)
        assert wait_frame(raw, reader, frames.RST_STREAM).error == ErrorCodes.PROTOCOL_ERROR
    assert not complete


@pytest.mark.parametrize("end", ["data", "trailers"])
def test_no_body_may_be_said_twice(scripted: Scripted, client: Multiplexed, end: str) -> None:
    """A length of 0, and the end of the stream in a frame of its own, after a while."""
    number = client.begin("/", ("content-length", "0"))
    client.get("/meanwhile")
    if end == "data":
        client.send(number, b"", end=True)
    else:
        client.h2.send_headers(number, [("x-sum", "7")], end_stream=True)
        client.get("/meanwhile")
    stream = client.wait(number)
    assert (stream.status, stream.body, stream.reset) == (200, b"ok", None)
    assert scripted.server.received.count(b"POST / HTTP/1.1\r\n") == 1


def test_an_end_that_is_never_said_is_not_waited_for(scripted: Scripted, client: Multiplexed) -> None:
    number = client.begin("/", ("content-length", "0"))
    assert client.wait_for(number, lambda stream: stream.status).status == 408
    assert client.get("/").status == 200
    assert b"POST" not in scripted.server.received


def test_who_does_not_read_holds_the_server_back(scripted: Scripted) -> None:
    sent = [0]

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MEGABYTE))
        for _ in range(64 * 16):
            peer.send(bytes(MEGABYTE // 16))
            sent[0] += MEGABYTE // 16

    scripted.server.script = script
    with Multiplexed(scripted.tenbin.address) as client:
        number = client.ask("/")
        client.wait_for(number, lambda stream: stream.status == 200)
        moved = [(0, CLOCK.now())]

        def rests() -> bool:
            if moved[-1][0] != sent[0]:
                moved.append((sent[0], CLOCK.now()))
            return CLOCK.now() - moved[-1][1] > 0.5

        wait_for(rests, 20.0, "the server is held back")
        assert 0 < sent[0] < 16 * MEGABYTE


def test_many_streams_share_a_connection(scripted: Scripted, client: Multiplexed) -> None:
    numbers = [client.ask(f"/{index}") for index in range(80)]
    streams: list[Stream] = [client.wait(number) for number in numbers]
    assert {(stream.status, stream.body) for stream in streams} == {(200, b"ok")}


def test_a_server_that_says_nothing_more_learns_that_its_client_has_gone(scripted: Scripted) -> None:
    gone = []

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        peer.hold()
        gone.append(peer.number)

    scripted.server.script = script
    # Sooner than the 1 s that the server may be silent.
    with Multiplexed(scripted.tenbin.address) as client:
        stream = client.ask("/events")
        client.wait_for(stream, lambda found: found.body == b"hello")
        client.reset(stream)
        wait_for(lambda: len(gone) == 1, 0.8)
    plain = scripted.tenbin.client()
    plain.send(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
    while b"hello" not in plain.receive():
        pass
    plain.reset()
    wait_for(lambda: len(gone) == 2, 0.8)
