"""HTTP checks over HTTP/2: what is asked, each verdict, and servers that are against the protocol."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from hypothesis import given
from hypothesis import strategies as st

from tenbin.health.probe.answer import GarbageError
from tenbin.health.probe.http2 import Exchange
from tenbin.health.result import CheckStatus, Outcome
from tenbin.model import Protocol
from unit.health.support import at_leisure, http
from unit.health.ways import NAME, checked, listening, reached, saying, serving, trusted

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from unit.health.ways import Serve

pytestmark = pytest.mark.anyio
GET = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")]


def frame(kind: int, payload: bytes, stream: int = 1, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


SETTINGS = frame(4, b"", 0)
GOODBYE = frame(7, (2**31 - 1).to_bytes(4, "big") + bytes(4), 0)
REFUSAL = frame(7, bytes(4) + (11).to_bytes(4, "big"), 0)
OK = frame(1, b"\x88", flags=4)  # :status 200, END_HEADERS
LAST = frame(0, b"", flags=1)


def answering(
    status: str,
    body: bytes = b"",
    seen: list[dict[str, str]] | None = None,
    *,
    interim: int = 0,
    farewell: bool = False,
) -> Serve:
    """A server as the h2 package makes one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        while data := await reader.read(16_384):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    if seen is not None:
                        seen.append({str(name): str(text) for name, text in event.headers})
                    for _ in range(interim):
                        connection.send_headers(1, [(":status", "103"), ("link", "</a>")])
                    writer.write(connection.data_to_send() + (GOODBYE if farewell else b""))
                    connection.send_headers(1, [(":status", status), ("server", "x")])
                    for start in range(0, len(body), 16_000):
                        connection.send_data(1, body[start : start + 16_000])
                    connection.end_stream(1)
            writer.write(connection.data_to_send())

    return serve


async def asked(serve: Serve, **fields: object) -> Outcome:
    async with listening(serve) as port:
        return await checked(reached(port, http(**fields), protocol=Protocol.HTTP2))


async def test_a_server_that_speaks_it_without_tls() -> None:
    seen: list[dict[str, str]] = []
    headers = (("X-Token", "a b"), ("Connection", "close"), ("TE", "gzip"))
    assert await asked(answering("200", seen=seen), headers=headers) == Outcome(CheckStatus.L7OK, 200, "200 OK")
    assert seen[0].pop(":authority").startswith("127.0.0.1:")
    assert seen[0] == {
        ":method": "GET", ":scheme": "http", ":path": "/health",
        "user-agent": "tenbin-check", "accept": "*/*", "x-token": "a b",
    }  # fmt: skip


async def test_a_server_that_speaks_it_within_tls(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []
    async with listening(answering("204", seen=seen), serving(None, "h2")) as port:
        target = reached(port, http(method="POST"), tls=trusted(tmp_path), protocol=Protocol.HTTP2)
        assert await checked(target) == Outcome(CheckStatus.L7OK, 204, "204 No Content")
    assert (seen[0][":scheme"], seen[0][":authority"], seen[0]["content-length"]) == ("https", f"{NAME}:{port}", "0")


async def test_a_server_that_does_not_agree_to_it(tmp_path: Path) -> None:
    async with listening(saying(), serving()) as port:
        outcome = await checked(reached(port, http(), tls=trusted(tmp_path), protocol=Protocol.HTTP2))
    assert outcome == Outcome(CheckStatus.L6RSP, None, "the server did not agree to HTTP/2 (ALPN h2)")


@pytest.mark.parametrize("spoken", ["h2", "http/1.1"])
async def test_what_the_server_chooses(tmp_path: Path, spoken: str) -> None:
    one = saying(b"HTTP/1.1 203 Fine\r\nContent-Length: 0\r\n\r\n")
    async with listening(answering("202") if spoken == "h2" else one, serving(None, spoken)) as port:
        outcome = await checked(reached(port, http(), tls=trusted(tmp_path), protocol=Protocol.AUTO))
    assert outcome.code == (202 if spoken == "h2" else 203)


async def test_host_is_the_authority() -> None:
    seen: list[dict[str, str]] = []
    await asked(answering("200", seen=seen), headers=(("Host", "app.example"),))
    assert seen[0][":authority"] == "app.example"
    assert "host" not in seen[0]


async def test_status_and_body_are_judged() -> None:
    assert await asked(answering("503")) == Outcome(CheckStatus.L7STS, 503, "503 Service Unavailable")
    assert (await asked(answering("200", b"all is fine"), body="is fine")).status is CheckStatus.L7OK
    unexpected = Outcome(CheckStatus.L7RSP, 200, "body does not contain 'is fine'")
    assert await asked(answering("200", b"nope"), body="is fine") == unexpected
    assert (await asked(answering("200", b"x" * 40_000), body="is fine")).status is CheckStatus.L7RSP


async def test_interim_answers_are_skipped() -> None:
    assert (await asked(answering("200", interim=3))).status is CheckStatus.L7OK
    assert (await asked(answering("200", interim=9))).text == "unexpected interim answer"


async def test_a_server_that_takes_leave_may_still_answer() -> None:
    assert (await asked(answering("200", farewell=True))).status is CheckStatus.L7OK


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "not HTTP/2"),
        ((SETTINGS, REFUSAL), "the server went away: ENHANCE_YOUR_CALM"),
        ((SETTINGS, frame(3, (7).to_bytes(4, "big"))), "the server reset the stream: REFUSED_STREAM"),
        ((SETTINGS, b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"), "frame longer than 16 KiB"),
        ((SETTINGS, frame(6, b"8 octets", 0) * 600), "more than 512 frames"),
        ((SETTINGS, frame(1, b"\x48\x0399x", flags=4)), "bad status"),
        ((SETTINGS, frame(1, b"\x48\x03101", flags=4)), "unexpected interim answer"),
        ((SETTINGS, LAST), "against HTTP/2"),
        ((SETTINGS, frame(1, b"\xff\xff\xff\xff\xff\xff", flags=4)), "against HTTP/2"),
        ((SETTINGS, frame(5, b"\0\0\0\2\x82", flags=4)), "against HTTP/2"),
    ],
)
async def test_what_is_against_the_protocol(pieces: tuple[bytes, ...], text: str) -> None:
    outcome = await asked(saying(*pieces))
    assert (outcome.status, outcome.code) == (CheckStatus.L7RSP, None)
    assert outcome.text.startswith(text)


async def test_a_server_that_closes_and_one_that_waits() -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SETTINGS)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    assert await asked(leave) == Outcome(CheckStatus.L7RSP, None, "closed in the middle of the answer")
    async with listening(saying(SETTINGS)) as port:
        outcome = await checked(reached(port, http(), protocol=Protocol.HTTP2, timeout=80))
    assert outcome.status is CheckStatus.L7TOUT


def test_a_body_beyond_64_kib_is_cut() -> None:
    exchange = Exchange(GET)
    exchange.feed(SETTINGS + OK)
    for _ in range(8):
        exchange.feed(frame(0, b"x" * 16_000))
        exchange.outgoing()
        if exchange.done:
            break
    assert exchange.done
    assert len(exchange.body) == 65_536


def test_a_header_list_that_unpacks_to_much_is_refused() -> None:
    exchange = Exchange(GET)
    bomb = b"\x88\x40\x01a\x7f\xa1\x1e" + b"x" * 4000 + b"\xbe" * 1000
    with pytest.raises(GarbageError, match="against HTTP/2"):
        exchange.feed(SETTINGS + frame(1, bomb, flags=4))


frames = st.builds(
    frame, st.integers(0, 12), st.binary(max_size=40), st.sampled_from([0, 1, 2, 3]), st.integers(0, 255)
)


@given(st.lists(st.sampled_from([SETTINGS, OK, LAST, GOODBYE]) | frames | st.binary(max_size=30)))
@at_leisure
def test_whatever_comes_is_an_answer_or_garbage(pieces: list[bytes]) -> None:
    exchange = Exchange(GET)
    with suppress(GarbageError):
        for piece in [SETTINGS, *pieces]:
            exchange.feed(piece)
            exchange.outgoing()
        exchange.end()
        assert exchange.done
