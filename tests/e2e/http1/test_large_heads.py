"""Heads of every size leave room for the bodies behind them, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support.scripted import Peer, Scripted

# Around the size of a buffer, where little or no room is left behind the head.
SIZES = (8190, 12_000, 16_380, 16_383, 16_384, 16_385, 20_000, 32_000)
BODY = bytes(range(256)) * 400


def padded(head: bytes, size: int) -> bytes:
    """Return a head made so long by fields of harmless length."""
    filling = size - len(head)
    lines = []
    while filling > 1500:
        lines.append(b"X-Filling: %s\r\n" % (b"a" * (1000 - 13)))
        filling -= 1000
    lines.append(b"X-Filling: %s\r\n" % (b"a" * (filling - 13)))
    whole = head[:-2] + b"".join(lines) + b"\r\n"
    assert len(whole) == size
    return whole


@pytest.mark.parametrize("size", SIZES)
def test_a_body_after_a_large_request_head(scripted: Scripted, size: int) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        same = peer.read_exactly(len(BODY)) == BODY
        peer.send(b"HTTP/1.1 %d Done\r\nContent-Length: 0\r\n\r\n" % (200 if same else 500))

    with scripted.client(script) as client:
        head = padded(request_bytes("PUT", "/", [("Content-Length", str(len(BODY)))]), size)
        client.send(head)
        client.socket.sendall(BODY)
        assert client.read_response().status == 200


@pytest.mark.parametrize("size", SIZES)
def test_a_body_after_a_large_answer_head(scripted: Scripted, size: int) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(padded(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY), size))
        peer.send(BODY)

    with scripted.client(script) as client:
        assert client.get("/").body == BODY
