"""How connections of HTTP/2 end: idle ones, those that say nothing, those that drain, and those that do no work."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from support import frames
from support.flood import flood
from support.multiplexed import Multiplexed
from support.scripted import OK, Peer, ScriptedServer, answering
from tenbin.testing import Tenbin, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Scripted
    from tenbin.testing.client import Address

ENHANCE_YOUR_CALM = 11
SETTINGS_TIMEOUT = 4
STREAMS = 3000


@pytest.fixture
def scripted_alone() -> Iterator[tuple[Tenbin, ScriptedServer]]:
    """A Tenbin of the test's own in front of a server that answers once the request is whole."""

    def script(peer: Peer) -> None:
        peer.read_until(b"0\r\n\r\n")
        peer.send(OK)

    with ScriptedServer(script) as server, Tenbin(config_text({"only": server.port})) as tenbin:
        yield tenbin, server


def ends_with(address: Address, data: bytes) -> tuple[int, list[frames.Frame]]:
    """Send bytes and read until the other side closes; return the error of GOAWAY, and all frames."""
    reader, found = frames.FrameReader(), []
    with socket.create_connection(address, 10) as one:
        one.sendall(data)
        while received := one.recv(65536):
            found += reader.feed(received)
    return next((frame.error for frame in found if frame.kind == frames.GOAWAY), -1), found


def listener(tenbin: Tenbin) -> dict[str, int]:
    """Return what was counted on the only listener."""
    status = tenbin.status()
    return dict(status["frontends"][0]["listeners"][0]["traffic"])


def test_an_idle_connection_is_told_to_go(scripted: Scripted) -> None:
    error, found = ends_with(scripted.tenbin.address, frames.opening())
    assert error == 0
    assert found[-1].kind == frames.GOAWAY


def test_who_never_says_what_it_speaks_is_not_waited_for(scripted: Scripted) -> None:
    error, _ = ends_with(scripted.tenbin.address, frames.PREFACE)
    assert error == SETTINGS_TIMEOUT


@pytest.mark.parametrize(
    "frame",
    [
        frames.frame(frames.PING, bytes(8)),
        frames.frame(frames.SETTINGS),
        frames.frame(frames.PRIORITY, bytes(5), stream=1),
        frames.window_update(0, 1),
        frames.frame(0x42, b"x"),
    ],
    ids=["ping", "settings", "priority", "window", "unknown"],
)
def test_who_only_keeps_us_busy_is_ended(scripted: Scripted, frame: bytes) -> None:
    found = flood(scripted.tenbin.address, frames.opening() + frame * 10_000)
    assert (found.goaway, found.ended) == (ENHANCE_YOUR_CALM, True)


def test_requests_that_are_reset_at_once_reach_no_server(scripted: Scripted) -> None:
    fields = frames.request()
    streams = range(1, 2 * STREAMS, 2)
    data = b"".join(frames.headers(stream, fields) + frames.reset(stream) for stream in streams)
    found = flood(scripted.tenbin.address, frames.opening() + data)
    assert found.goaway == ENHANCE_YOUR_CALM
    assert not scripted.server.peers


def test_resets_that_we_are_made_to_send_count(scripted: Scripted) -> None:
    fields = frames.request()
    streams = range(1, 2 * STREAMS, 2)
    data = b"".join(frames.headers(stream, fields) + frames.window_update(stream, 0x7FFF_FFFF) for stream in streams)
    assert flood(scripted.tenbin.address, frames.opening() + data).goaway == ENHANCE_YOUR_CALM


def test_who_leaves_pages_is_no_enemy(scripted: Scripted) -> None:
    """Fifty requests are given up before their answers, again and again, with work in between."""
    scripted.server.script = answering()
    with Multiplexed(scripted.tenbin.address) as client:
        for _ in range(3):
            numbers = [client.ask("/") for _ in range(30)]
            for number in numbers:
                client.reset(number)
            for _ in range(60):
                assert client.get("/").status == 200
        assert client.goaway is None


def test_streams_beyond_the_limit_are_refused() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.wait_closed()

    frontend = {"limits": {"streams": 2}}
    with ScriptedServer(script) as server, Tenbin(config_text({"only": server.port}, frontend=frontend)) as tenbin:
        fields = frames.request()
        with tenbin.client() as raw:
            raw.send(frames.opening() + b"".join(frames.headers(stream, fields) for stream in (1, 3, 5)))
            reader = frames.FrameReader()
            found: list[frames.Frame] = []
            while not any(frame.kind == frames.RST_STREAM for frame in found):
                found += reader.feed(raw.receive())
            refused = [(frame.stream, frame.error) for frame in found if frame.kind == frames.RST_STREAM]
            assert refused == [(5, 7)]


def test_a_drain_lets_requests_end(scripted_alone: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = scripted_alone
    with Multiplexed(tenbin.address) as client:
        number = client.begin("/")
        server.wait_peer()
        os.kill(tenbin.pid, signal.SIGTERM)
        while client.goaway is None:
            client.step()
        client.send(number, b"", end=True)
        stream = client.wait(number)
        assert (stream.status, stream.ended) == (200, True)
        client.wait_closed()


def test_connections_and_streams_are_counted(scripted_alone: tuple[Tenbin, ScriptedServer]) -> None:
    tenbin, server = scripted_alone
    server.script = answering()
    with Multiplexed(tenbin.address) as client:
        for _ in range(3):
            assert client.get("/").status == 200
        for _ in range(150):
            client.h2.ping(bytes(8))
        assert client.get("/").status == 200
        assert client.goaway is None

        def counted() -> bool:
            counters = listener(tenbin)
            return (counters["http2_connections"], counters["http2_streams"]) == (1, 4) and counters["glitches"] > 0

        wait_for(counted, 5.0, lambda: str(listener(tenbin)))
