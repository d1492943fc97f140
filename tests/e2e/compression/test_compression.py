"""Answers are compressed for clients that ask for it: whole, in time, and with bounded memory."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import TYPE_CHECKING

import pytest

from support.multiplexed import Multiplexed
from support.scripted import ScriptedServer, answering
from tenbin.testing import Tenbin, config_text
from tenbin.testing.client import chunked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer

CLOSING = {"pool": {"reuse": "never"}}
GZIP = ("Accept-Encoding", "gzip")
BODY = b"The scales are even. " * 500


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Tenbin, ScriptedServer]]:
    compression = {"algorithms": ["gzip", "deflate"], "types": ["text/"], "min_size": "1k"}
    with (
        ScriptedServer(answering()) as server,
        Tenbin(config_text({"only": server.port}, CLOSING, {"compression": compression})) as tenbin,
    ):
        yield tenbin, server


def answer(body: bytes, *lines: str, framed: bool = True) -> bytes:
    """An answer of a server."""
    length = [f"Content-Length: {len(body)}"] if framed else []
    head = ["HTTP/1.1 200 OK", "Content-Type: text/plain", *length, *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.mark.parametrize("size", [1024, 16_384, 3_000_000])
def test_what_comes_out_is_what_went_in(site: tuple[Tenbin, ScriptedServer], size: int) -> None:
    tenbin, server = site
    noise = (hashlib.sha256(b"%d" % number).digest() for number in range(size // 64 + 1))
    body = b"".join(b"The scales are even, all of them" + piece for piece in noise)[:size]
    server.script = answering(answer(body, 'ETag: "a"'))
    with tenbin.client() as client:
        for _ in range(2):
            found = client.get("/", GZIP)
            assert (found.delimited, found.header("content-encoding")) == ("chunked", "gzip")
            assert (found.header("vary"), found.header("etag")) == ("Accept-Encoding", 'W/"a"')
            assert found.header("content-length") == ""
            assert gzip.decompress(found.body) == body
        found = client.get("/", ("Accept-Encoding", "gzip;q=0.1, deflate"))
        assert found.header("content-encoding") == "deflate"
        assert zlib.decompress(found.body) == body
        plain = client.get("/")
        assert (plain.body, plain.header("vary"), plain.header("etag")) == (body, "", '"a"')


def test_the_answer_to_head_stays_as_it_is(site: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = site
    server.script = answering(answer(b"", "Content-Length: 5000", framed=False))
    with tenbin.client() as client:
        found = client.request("HEAD", "/", [GZIP])
        assert (found.header("content-length"), found.header("content-encoding")) == ("5000", "")


@pytest.mark.parametrize("lines", [("Content-Encoding: br",), ("Cache-Control: no-transform",), ("ETag: bare",)])
def test_some_answers_stay_as_they_are(site: tuple[Tenbin, ScriptedServer], lines: tuple[str, ...]) -> None:
    tenbin, server = site
    server.script = answering(answer(BODY, *lines))
    with tenbin.client() as client:
        found = client.get("/", GZIP)
        assert (found.body, found.header("content-length")) == (BODY, str(len(BODY)))


def test_trailers_are_kept(site: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = site
    body = chunked(BODY[:1000], BODY[1000:], trailers=[("X-Sum", "7")])
    server.script = answering(answer(body, "Transfer-Encoding: chunked", framed=False))
    with tenbin.client() as client:
        found = client.get("/", GZIP)
        assert gzip.decompress(found.body) == BODY
        assert dict(found.trailers) == {"x-sum": "7"}


def test_a_slow_source_is_not_held_back(site: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = site
    words = [b"one\n", b"two\n", b"three\n"]

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer(b"", "Transfer-Encoding: chunked", framed=False))
        for word in words:
            peer.send(b"%x\r\n%b\r\n" % (len(word), word))
            # The client says that it has it.
            peer.read_exactly(1)
        peer.send(b"0\r\n\r\n")

    server.script = script
    with tenbin.client() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nAccept-Encoding: gzip\r\n\r\n")
        raw, opened = b"", b""
        for count in range(1, len(words) + 1):
            while opened != b"".join(words[:count]):
                raw += client.receive()
                opened = zlib.decompressobj(31).decompress(joined(raw))
            client.send(b".")
        while not raw.endswith(b"\r\n0\r\n\r\n"):
            raw += client.receive()
    assert gzip.decompress(joined(raw)) == b"".join(words)


def joined(raw: bytes) -> bytes:
    """What of a chunked body has come."""
    rest, body = raw.partition(b"\r\n\r\n")[2], b""
    while (line := rest.partition(b"\r\n")) and line[1]:
        size = int(line[0], 16)
        body, rest = body + line[2][:size], line[2][size + 2 :]
    return body


def test_a_body_that_breaks_off_does_not_look_whole(site: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = site

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(answer(BODY)[:-10])

    server.script = script
    with tenbin.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        assert not client.read_to_end().endswith(b"0\r\n\r\n")


def test_http2_clients_get_it_too(site: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = site
    body = BODY * 20
    server.script = answering(answer(body))
    with Multiplexed(tenbin.address) as client:
        found = client.wait(client.ask("/", ("accept-encoding", "gzip")))
        head = dict(found.headers)
        assert (head["content-encoding"], "content-length" in head) == ("gzip", False)
        assert gzip.decompress(found.body) == body
