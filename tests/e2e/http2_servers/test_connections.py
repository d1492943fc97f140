"""Connections of HTTP/2 to servers: shared, bounded, left when the server says so, and no request lost with them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from support.scripted import ScriptedServer
from support.streams import Session, serving
from tenbin.testing import Client, ExchangeError, Tenbin, config_text, wait_for
from tenbin.testing.client import request_bytes

from .conftest import TIMEOUTS, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from support.streams import Asked


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(serving(hello)) as server:
        yield server


def tenbin_of(start: StartTenbin, server: ScriptedServer, **backend: Any) -> Tenbin:
    own = {"protocol": "http2", "retry": {"budget": "100%"}, **backend}
    return start(config_text({"only": server.port}, own, threads=1, timeouts=TIMEOUTS))


def at_once(tenbin: Tenbin, count: int, method: str = "GET") -> Counter[int]:
    """Return the statuses of so many requests on as many connections."""

    def one(_: int) -> int:
        with Client(tenbin.address) as client:
            return client.request(method, "/", body=b"body" if method == "POST" else None).status

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


class Gathering:
    """Answers only when so many requests are there, so that they were all there at once."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count)
        self.lock = threading.Lock()

    def __call__(self, session: Session, asked: Asked) -> None:
        threading.Thread(target=self._answer, args=(session, asked.stream), daemon=True).start()

    def _answer(self, session: Session, stream: int) -> None:
        self.barrier.wait(10)
        with self.lock:
            session.answer(stream)


def test_requests_at_once_share_one_connection(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    server.script = serving(Gathering(20))
    tenbin = tenbin_of(start_tenbin, server)
    assert at_once(tenbin, 20) == {200: 20}
    assert len(server.peers) == 1
    counted = tenbin.server("app/only")["traffic"]
    assert (counted["connects"], counted["reuses"]) == (1, 19)
    wait_for(lambda: tenbin.server("app/only")["traffic"]["idle"] == 1, 5, "it is idle")


def test_a_connection_carries_as_many_streams_as_its_server_wants(
    start_tenbin: StartTenbin, server: ScriptedServer
) -> None:
    own = {"protocol": "http2", "retry": {"budget": "100%"}}
    servers = {"only": {"port": server.port, "max_reuse": 2}}
    tenbin = start_tenbin(config_text(servers, own, threads=1, timeouts=TIMEOUTS))
    for _ in range(7):
        assert at_once(tenbin, 1) == {200: 1}
    assert len(server.peers) == 3
    assert at_once(tenbin, 20) == {200: 20}
    assert len(server.peers) >= 9


def test_a_server_that_takes_few_streams_gets_more_connections(
    start_tenbin: StartTenbin, server: ScriptedServer
) -> None:
    gathering = Gathering(1)
    server.script = serving(gathering, {SettingCodes.MAX_CONCURRENT_STREAMS: 3})
    tenbin = tenbin_of(start_tenbin, server)
    assert tenbin.get("/").status == 200
    gathering.barrier = threading.Barrier(12)
    assert at_once(tenbin, 12) == {200: 12}
    assert 4 <= len(server.peers) <= 6


def test_without_reuse_every_request_has_its_own(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    tenbin = tenbin_of(start_tenbin, server, pool={"reuse": "never"})
    with tenbin.client() as client:
        assert [client.get("/").status for _ in range(3)] == [200] * 3
    assert len(server.peers) == 3
    for peer in server.peers:
        wait_for(lambda peer=peer: peer.socket.fileno() < 0, 5, "they are closed")


def test_an_idle_connection_expires(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    tenbin = tenbin_of(start_tenbin, server, pool={"idle_timeout": "1s"})
    assert tenbin.get("/").status == 200
    wait_for(lambda: tenbin.server("app/only")["traffic"]["idle"] == 1, 5, "it is idle")
    wait_for(lambda: tenbin.server("app/only")["traffic"]["idle"] == 0, 5, "it is closed")
    assert tenbin.get("/").status == 200
    assert len(server.peers) == 2


def leaving(after: int) -> Any:
    """Return a script that says GOAWAY with every request of this number: it was not looked at."""

    def script(peer: Peer) -> None:
        session = Session(peer)
        served = 0
        seen: set[int] = set()
        for _ in session.events():
            for asked in list(session.asked.values()):
                if not asked.ended or asked.stream in seen:
                    continue
                seen.add(asked.stream)
                served += 1
                if served == after:
                    session.go_away(asked.stream - 2)
                elif served < after:
                    session.answer(asked.stream, asked.path.encode())

    return script


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_request_is_lost_when_connections_are_left(
    start_tenbin: StartTenbin, server: ScriptedServer, method: str
) -> None:
    """What the server has not looked at goes again whatever it asks for (RFC 9113, 8.7)."""
    server.script = leaving(7)
    tenbin = tenbin_of(start_tenbin, server)
    total: Counter[int] = Counter()
    for _ in range(10):
        total += at_once(tenbin, 10, method)
    assert total == {200: 100}
    assert len(server.peers) > 10


def test_a_refused_stream_goes_again(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    refused: list[int] = []

    def handle(session: Session, asked: Asked) -> None:
        if len(refused) < 2:
            refused.append(asked.stream)
            session.reset(asked.stream, ErrorCodes.REFUSED_STREAM)
        else:
            session.answer(asked.stream, bytes(asked.body))

    server.script = serving(handle)
    tenbin = tenbin_of(start_tenbin, server)
    with tenbin.client() as client:
        answer = client.request("POST", "/", body=b"once")
        assert (answer.status, answer.body) == (200, b"once")
    assert (len(refused), len(server.peers)) == (2, 1)


def test_another_reset_is_a_failure_that_only_some_requests_repeat(start_tenbin: StartTenbin) -> None:
    def broken(session: Session, asked: Asked) -> None:
        session.reset(asked.stream, ErrorCodes.INTERNAL_ERROR)

    with ScriptedServer(serving(broken)) as bad, ScriptedServer(serving(hello)) as good:
        backend = {"protocol": "http2", "retry": {"budget": "100%"}, "balance": "first"}
        tenbin = start_tenbin(config_text({"a": bad.port, "b": good.port}, backend, threads=1, timeouts=TIMEOUTS))
        with tenbin.client() as client:
            assert client.get("/x").body == b"/x"
            answer = client.request("POST", "/", body=b"once")
            assert (answer.status, answer.header("tenbin-reason")) == (502, "server-closed")


def test_a_client_that_leaves_ends_its_stream_and_no_other(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    sessions: list[Session] = []

    def handle(session: Session, asked: Asked) -> None:
        sessions.append(session)
        if asked.path != "/long":
            session.answer(asked.stream)

    server.script = serving(handle)
    tenbin = tenbin_of(start_tenbin, server)
    client = tenbin.client()
    client.send(request_bytes("GET", "/long"))
    wait_for(lambda: sessions, 5, "the request arrives")
    client.reset()
    session = sessions[0]
    wait_for(lambda: session.asked[1].reset == ErrorCodes.CANCEL, 5, "the stream is reset")
    assert tenbin.get("/short").status == 200
    assert len(server.peers) == 1


def test_a_slow_stream_times_out_alone(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    def handle(session: Session, asked: Asked) -> None:
        if asked.path == "/slow":
            session.h2.ping(b"still up")
            session.flush()
        else:
            session.answer(asked.stream)

    server.script = serving(handle)
    tenbin = tenbin_of(start_tenbin, server, retry={"attempts": 0})
    with tenbin.client() as client:
        answer = client.get("/slow")
        assert (answer.status, answer.header("tenbin-reason")) == (504, "server-timeout")
        assert client.get("/quick").status == 200
    assert len(server.peers) == 1


def test_a_server_that_is_gone_does_not_swallow_new_requests(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    """Its connection is there and silent, as after a power cut: what comes later goes on a new one."""
    silent = threading.Event()

    def script(peer: Peer) -> None:
        session = Session(peer)
        for _ in session.events():
            for asked in list(session.asked.values()):
                if asked.ended and asked.path == "/stop":
                    silent.set()
                    peer.wait_closed()
                elif asked.ended and asked.reset is None:
                    asked.reset = 0
                    session.answer(asked.stream, str(peer.number).encode())

    server.script = script
    tenbin = tenbin_of(start_tenbin, server, retry={"attempts": 0}, timeouts={"server": "8s", "connect": "1s"})
    assert tenbin.get("/").body == b"0"
    with tenbin.client() as stuck:
        stuck.send(request_bytes("GET", "/stop"))
        assert silent.wait(5)
        wait_for(lambda: _quick(tenbin) == b"1", 7, "a new connection answers")
        assert stuck.read_response().status in (502, 504)
    assert tenbin.get("/").body == b"1"


def _quick(tenbin: Tenbin) -> bytes:
    with Client(tenbin.address, timeout=0.5) as client:
        try:
            return client.get("/").body
        except ExchangeError:
            return b""


def test_a_slow_client_holds_back_its_own_answer_only(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    sent: Counter[str] = Counter()

    def script(peer: Peer) -> None:
        session = Session(peer)
        for _ in session.events():
            for asked in list(session.asked.values()):
                if asked.ended and asked.path == "/endless":
                    if not asked.trailers:
                        asked.trailers = [("begun", "")]
                        session.head(asked.stream, 200)
                    while (room := session.h2.local_flow_control_window(asked.stream)) > 0 and asked.reset is None:
                        session.h2.send_data(asked.stream, bytes(min(room, 16_384)))
                        sent[asked.path] += min(room, 16_384)
                        session.flush()
                elif asked.ended and asked.reset is None:
                    asked.reset = 0
                    session.answer(asked.stream)

    server.script = script
    tenbin = tenbin_of(start_tenbin, server)
    lazy = []
    for _ in range(3):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        client.connect(tenbin.address)
        client.sendall(request_bytes("GET", "/endless"))
        lazy.append(client)
    seen: list[int] = []

    def is_still() -> bool:
        seen.append(sent["/endless"])
        return len(seen) > 20 and set(seen[-20:]) == {seen[-1]} != {0}

    wait_for(is_still, 20, "the server is held back")
    assert sent["/endless"] < 30_000_000
    assert tenbin.get("/other").status == 200
    assert len(server.peers) == 1
    for client in lazy:
        client.close()


def _push(client: Client, size: int) -> int:
    """Send so many bytes, or as many as are taken, and return how many that were."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < size:
            sent += client.socket.send(bytes(min(65_536, size - sent)))
    return sent


def test_a_server_that_does_not_take_holds_back_the_client(start_tenbin: StartTenbin, server: ScriptedServer) -> None:
    opened = threading.Event()
    received: list[int] = []

    def script(peer: Peer) -> None:
        session = Session(peer, window=False)
        for _ in session.events():
            for asked in list(session.asked.values()):
                received.append(len(asked.body))
                if asked.ended and asked.reset is None:
                    asked.reset = 0
                    session.answer(asked.stream, str(len(asked.body)).encode())
            if received and received[-1] >= 65_535 and not opened.is_set():
                opened.wait(10)
                session.window = True
                session.h2.acknowledge_received_data(received[-1], 1)
                session.flush()

    server.script = script
    tenbin = tenbin_of(start_tenbin, server)
    size = 40_000_000
    with tenbin.client(timeout=2) as client:
        client.send(request_bytes("PUT", "/", [("Content-Length", str(size))]))
        client.socket.settimeout(1)
        sent = _push(client, size)
        assert sent < size
        assert received[-1] <= 65_535
        opened.set()
        client.socket.settimeout(10)
        assert sent + _push(client, size - sent) == size
        assert client.read_response().body == str(size).encode()
