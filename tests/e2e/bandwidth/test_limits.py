"""Bandwidth limits: bytes take their time, those of other streams do not, and what is shared is shared.

A limit lets so many bytes go on within a period: what a test sends takes `size / limit` less one period. That it takes
no more than it must is not asserted, for machines are busy.
"""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from support.edge import placed, running
from support.multiplexed import Multiplexed
from support.scripted import ScriptedServer
from support.streams import serving
from tenbin.clock import SystemClock
from tenbin.testing import Client, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.edge import Placed
    from support.scripted import Peer
    from support.streams import Asked, Session
    from tenbin.testing import Process

KIB = 1024
RATE = 100 * KIB
SIZE = 250 * KIB
LEAST = SIZE / RATE - 1
"""Seconds that a body of that size takes at least."""
MOST = 60.0
"""Seconds within which it is there, also on a busy machine."""
TEXT = """
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 20s
frontend web
  bind *:80
  filter bwlim-out down default-limit 1k default-period 1s
  filter bwlim-in up default-limit 100k default-period 1s
  filter bwlim-out shared limit 100k key hdr(x-who) table rates min-size 2k
  http-request set-bandwidth-limit down limit 100k if { path_beg /down }
  http-request set-bandwidth-limit down limit url_param(limit) period url_param(period) if { path_beg /said }
  http-request set-bandwidth-limit up if { path_beg /up }
  http-request set-var(txn.shared) bool(true) if { path_beg /shared }
  http-response set-bandwidth-limit shared if { var(txn.shared) -m bool }
  use_backend multiplexed if { path_end .h2 }
  use_backend late if { path_end .late }
  use_backend alone if { path_end .alone }
  default_backend app
backend rates
  stick-table type string size 1k expire 1m store bytes_out_rate(1s)
backend app
  server s app:8000
backend late
  filter bwlim-out calm default-limit 30k default-period 3s min-size 30k
  timeout server 1s
  http-response set-bandwidth-limit calm
  server s app:8000
backend alone
  server s alone:8000
backend multiplexed
  server s framed:8000 proto h2
frontend raw
  mode tcp
  bind *:81
  filter bwlim-in in default-limit 100k default-period 1s
  filter bwlim-out out default-limit 100k default-period 1s
  tcp-request inspect-delay 20s
  tcp-request content set-bandwidth-limit in if { req.payload(0,2) -m str UP }
  tcp-request content set-bandwidth-limit out if { req.payload(0,2) -m str DN }
  default_backend echo
frontend late
  mode tcp
  bind *:82
  default_backend judged
backend echo
  mode tcp
  server s echo:9000
backend judged
  mode tcp
  filter bwlim-out out default-limit 100k default-period 1s
  tcp-response content set-bandwidth-limit out
  server s echo:9000
"""
CLOCK = SystemClock()


def answer(peer: Peer) -> None:
    """Send as many bytes as `?size=` asks for, in chunks for paths that say so, once the body is there."""
    while head := peer.read_head().decode():
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        received = len(peer.read_exactly(int(fields.get("content-length", "0"))))
        target = head.split()[1]
        body = b"x" * asked(target) or str(received).encode()
        if "chunks" in target:
            pieces = b"".join(b"400\r\n" + b"x" * KIB + b"\r\n" for _ in range(len(body) // KIB))
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n")
        else:
            peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def answer_framed(session: Session, request: Asked) -> None:
    size = asked(request.path)
    session.answer(request.stream, b"x" * size)


def echo(peer: Peer) -> None:
    while data := peer.read():
        peer.send(data)


def asked(target: str) -> int:
    """The number behind `size=`."""
    return int(target.partition("size=")[2].partition("&")[0] or 0)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Placed, Process, ScriptedServer]]:
    with (
        ScriptedServer(answer) as app,
        ScriptedServer(serving(answer_framed)) as framed,
        ScriptedServer(echo) as echoes,
        ScriptedServer(answer) as alone,
    ):
        servers = {"app": app.port, "framed": framed.port, "echo": echoes.port, "alone": alone.port}
        with placed(TEXT, tmp_path_factory.mktemp("bandwidth"), servers) as config, running(config) as process:
            yield config, process, alone


Edge = tuple["Placed", "Process", ScriptedServer]


@contextmanager
def timed(least: float) -> Iterator[None]:
    """What is done takes so many seconds at least, and ends."""
    began = CLOCK.now()
    yield
    took = CLOCK.now() - began
    assert least <= took <= least + MOST, f"{took:.2f} s"


@pytest.mark.parametrize(
    "target",
    [
        f"/down?size={SIZE}",
        f"/down/chunks?size={SIZE}",
        f"/said?limit={RATE}&period=1000&size={SIZE}",
        f"/said?limit={RATE // 2}&period=500&size={SIZE}",
        f"/down?size={SIZE}&as=.h2",
    ],
)
def test_an_answer_takes_its_time(target: str, edge: Edge) -> None:
    path, _, query = target.partition("?")
    end = ".h2" if query.endswith(".h2") else ""
    with Client(edge[0].address("80"), timeout=MOST) as client, timed(LEAST):
        assert client.get(f"{path}{end}?{query}").body == b"x" * SIZE


def test_streams_are_limited_one_by_one(edge: Edge) -> None:
    """Of two on one connection, each has the whole limit, and one without a limit is there at once."""
    with Multiplexed(edge[0].address("80"), deadline=MOST) as client, timed(LEAST):
        slow = [client.ask(f"/down?size={SIZE}") for _ in range(2)]
        fast = client.wait(client.ask(f"/?size={4 * SIZE}"))
        assert len(fast.body) == 4 * SIZE
        assert not any(client.streams[number].over for number in slow)
        assert [len(client.wait(number).body) for number in slow] == [SIZE, SIZE]


def test_what_clients_send_takes_its_time(edge: Edge) -> None:
    with Client(edge[0].address("80"), timeout=MOST) as client:
        with timed(LEAST):
            client.send(request_bytes("POST", "/up", body=b"x" * SIZE))
            assert client.read_response().body == str(SIZE).encode()
        # The limit was that of the request.
        with timed(0):
            client.send(request_bytes("POST", "/", body=b"x" * SIZE))
            assert client.read_response().body == str(SIZE).encode()
    with Multiplexed(edge[0].address("80"), deadline=MOST) as client, timed(LEAST):
        number = client.ask("/up", ("content-length", str(SIZE)), method="POST", body=b"x" * SIZE)
        assert bytes(client.wait(number).body) == str(SIZE).encode()


@pytest.mark.parametrize("begin", [b"UP", b"DN", b"--"])
def test_connections_take_their_time(begin: bytes, edge: Edge) -> None:
    place = "82" if begin == b"--" else "81"
    with socket.create_connection(edge[0].address(place), MOST) as connection, timed(LEAST):
        data = begin + b"x" * (SIZE - 2)
        writer = threading.Thread(target=connection.sendall, args=(data,))
        writer.start()
        assert read_exactly(connection, SIZE) == data
        writer.join()


def test_streams_share_what_they_have_a_key_for(edge: Edge) -> None:
    def fetch(stack: ExitStack, who: str) -> Client:
        client = stack.enter_context(Client(edge[0].address("80"), timeout=MOST))
        client.send(request_bytes("GET", f"/shared?size={SIZE}", headers=[("X-Who", who)]))
        return client

    with ExitStack() as stack:
        with timed(2 * LEAST + 1 - 0.2):
            for client in [fetch(stack, "jane"), fetch(stack, "jane")]:
                assert len(client.read_response().body) == SIZE
        # Whoever has no key has no limit.
        with timed(0):
            assert len(fetch(stack, "").read_response().body) == SIZE


def test_who_is_held_back_here_is_not_late(edge: Edge) -> None:
    """Nothing moves for longer than the server's timeout, for which it cannot help."""
    with Client(edge[0].address("80"), timeout=MOST) as client, timed(2):
        assert len(client.get(f"/.late?size={70 * KIB}").body) == 70 * KIB


def test_a_client_that_leaves_is_not_served_to_the_end(edge: Edge) -> None:
    config, _, alone = edge
    with Client(config.address("80"), timeout=MOST) as client:
        # It would take hours.
        client.send(request_bytes("GET", f"/said.alone?limit=1000&period=1000&size={40 * KIB * KIB}"))
        peer = alone.wait_peer()
        with Client(config.address("80"), timeout=MOST) as other:
            assert len(other.get(f"/?size={4 * SIZE}").body) == 4 * SIZE
        client.reset()
    wait_for(lambda: peer.socket.fileno() < 0, MOST, "the server's connection ends")


def test_a_reload_leaves_streams_as_they_are(edge: Edge) -> None:
    config, process, alone = edge
    known = len(alone.peers)
    with Client(config.address("80"), timeout=MOST) as client, timed(LEAST):
        client.send(request_bytes("GET", f"/down.alone?size={SIZE}"))
        alone.wait_peer(known)
        reload(
            process, config, config.text.replace("limit 100k if { path_beg /down }", "limit 400m if { path_beg /down }")
        )
        with Client(config.address("80"), timeout=MOST) as other, timed(0):
            assert len(other.get(f"/down?size={100 * SIZE}").body) == 100 * SIZE
        assert client.read_response().body == b"x" * SIZE
    reload(process, config, config.text)


def reload(process: Process, config: Placed, text: str) -> None:
    """Have another configuration in force."""
    known = process.output().count('"reloaded"')
    config.file.write_text(text)
    process.signal(signal.SIGHUP)
    wait_for(lambda: process.output().count('"reloaded"') > known, MOST, process.output)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Return the next bytes."""
    found = bytearray()
    while len(found) < size and (data := connection.recv(64 * KIB)):
        found += data
    return bytes(found)
