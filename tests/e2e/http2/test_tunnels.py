"""Tunnels in a stream of HTTP/2: a WebSocket by extended CONNECT (RFC 8441), and CONNECT itself."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1
from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes

from support.multiplexed import Multiplexed, Stream
from support.scripted import Peer, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Scripted

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ASKED = (("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"))


@pytest.fixture
def client(scripted: Scripted) -> Iterator[Multiplexed]:
    with Multiplexed(scripted.tenbin.address) as client:
        yield client


def ask(client: Multiplexed, protocol: str = "websocket") -> int:
    """Begin a tunnel and return the number of its stream."""
    number = client.h2.get_next_available_stream_id()
    client.streams[number] = Stream()
    names = (":method", ":protocol", ":scheme", ":authority", ":path")
    head = zip(names, ("CONNECT", protocol, "http", "localhost", "/chat"), strict=True)
    client.h2.send_headers(number, [*head, *ASKED])
    client.send(number, b"")
    return number


def switch(head: bytes, right: bool = True) -> bytes:
    """Return the answer of a server that speaks WebSocket."""
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    proof = b64encode(sha1(key + GUID, usedforsecurity=False).digest()) if right else b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    lines = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Accept: " + proof)
    return b"\r\n".join((b"HTTP/1.1 101 Switching Protocols", *lines, b"Sec-WebSocket-Protocol: chat", b"", b""))


def test_a_websocket_is_one_in_http1_to_the_server(scripted: Scripted, client: Multiplexed) -> None:
    def script(peer: Peer) -> None:
        peer.send(switch(peer.read_head()) + b"hello")
        while data := peer.read():
            peer.send(data.upper())

    scripted.server.script = script
    number = ask(client)
    stream = client.wait_for(number, lambda stream: stream.body)
    fields = dict(stream.headers)
    assert (stream.status, stream.body, fields["sec-websocket-protocol"]) == (200, b"hello", "chat")
    assert not {"upgrade", "connection", "sec-websocket-accept"} & set(fields)
    client.send(number, b"abc")
    client.wait_for(number, lambda stream: stream.body == b"helloABC")
    client.send(number, b"", end=True)
    assert client.wait(number).ended
    head = bytes(scripted.server.wait_peer().received).split(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"get /chat http/1.1\r\nhost: localhost\r\n")
    assert b"\r\nupgrade: websocket" in head
    assert b"\r\nsec-websocket-version: 13" in head


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 502),
    ],
)
def test_no_other_answer_opens_a_tunnel(scripted: Scripted, client: Multiplexed, answer: bytes, status: int) -> None:
    scripted.server.script = answering(answer)
    stream = client.wait_for(ask(client), lambda stream: stream.status)
    assert stream.status == status


def test_a_wrong_proof_opens_none(scripted: Scripted, client: Multiplexed) -> None:
    scripted.server.script = lambda peer: peer.send(switch(peer.read_head(), right=False)) or peer.hold()
    stream = client.wait(ask(client))
    assert (stream.status, stream.reset) == (0, ErrorCodes.CANCEL)


def test_protocols_that_are_not_known_are_refused(client: Multiplexed) -> None:
    assert client.wait(ask(client, "other")).reset == ErrorCodes.PROTOCOL_ERROR


def test_connect_is_refused_as_in_http1(client: Multiplexed) -> None:
    number = client.h2.get_next_available_stream_id()
    client.streams[number] = Stream()
    client.h2.send_headers(number, [(":method", "CONNECT"), (":authority", "a.test:1")])
    client.send(number, b"")
    stream = client.wait_for(number, lambda stream: stream.status)
    assert (stream.status, dict(stream.headers)["tenbin-reason"]) == (405, "connect-refused")
