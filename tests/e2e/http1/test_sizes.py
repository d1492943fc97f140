"""The sizes that a configuration may set: buffers, and heads of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.http1.test_large_heads import BODY, padded
from support.scripted import Scripted, ScriptedServer, answering
from tenbin.testing import Tenbin, config_text
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer


@pytest.fixture(scope="module")
def small() -> Iterator[Scripted]:
    with ScriptedServer(answering()) as server:
        backend = {"pool": {"reuse": "never"}, "limits": {"head": "8k", "fields": 10}, "eject": False}
        with Tenbin(config_text({"only": server.port}, backend, limits={"buffer": "4k"})) as tenbin:
            yield Scripted(tenbin, server)


@pytest.mark.parametrize("size", [2000, 4095, 4096, 4097, 8000, 32_000])
def test_small_buffers_carry_heads_and_bodies_that_are_larger(small: Scripted, size: int) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        body = peer.read_exactly(len(BODY))
        peer.send(padded(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY), min(size, 8000)) + body)

    with small.client(script) as client:
        head = request_bytes("PUT", "/", [("Content-Length", str(len(BODY)))])
        client.send(padded(head, size) + BODY)
        assert client.read_response().body == BODY


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (b"X-Long: %s\r\n" % (b"a" * 8192), "head-too-big"),
        (b"X-Many: 1\r\n" * 11, "too-many-fields"),
    ],
    ids=["head", "fields"],
)
def test_answers_with_larger_heads_are_refused(small: Scripted, fields: bytes, reason: str) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n" % fields)

    with small.client(script) as client:
        answer = client.get("/")
        assert (answer.status, answer.header("tenbin-reason")) == (502, "bad-answer")
        assert reason in answer.body.decode()
