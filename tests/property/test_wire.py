"""Requests that are nearly right through a real data plane, read by three: ours, h11, and the corpus' strict reader.

Whatever is sent: what arrives is one of the messages that the strict reader finds in it, in their order and but for
documented edits unchanged; h11 reads the same from what arrives; nothing else arrives; what is refused is answered
so and ends the connection; and none of it depends on how the bytes were cut.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11
import pytest
from hypothesis import HealthCheck, example, given, settings

from conformance.meaning import request_changes
from conformance.strict import Message, bare, read_answer, read_requests
from property.mutations import GOOD, Bent, bent
from support.bare import BareDataplane, backend, frontend, snapshot
from support.scripted import OK, ScriptedServer
from tenbin.testing import Lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer
    from tenbin.testing.client import Address

REFUSALS = {400, 405, 413, 414, 417, 431, 501, 505}


@dataclass(frozen=True, slots=True)
class Result:
    """What the server got, connection by connection, and all that the client got."""

    streams: tuple[bytes, ...]
    received: bytes


class Wire:
    """A data plane between a client and a recording server; no connection to the server is used twice."""

    def __init__(self, front: Address, server: ScriptedServer) -> None:
        self._front = front
        self._server = server

    def send(self, segments: list[bytes]) -> Result:
        """Send on a new connection, say that nothing more comes, and wait until everything has ended."""
        with socket.create_connection(self._front, 10) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for segment in segments:
                    client.sendall(segment)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            received = _read_all(client)
        # Connections are accepted in order: behind this one there is none of the data plane's.
        with socket.create_connection(("127.0.0.1", self._server.port), 10) as last:
            place = last.getsockname()
            wait_for(
                lambda: any(peer.socket.getpeername() == place for peer in self._server.peers if _is_open(peer)), 10
            )
        wait_for(lambda: not any(_is_open(peer) for peer in self._server.peers), 10)
        streams = tuple(bytes(peer.received) for peer in self._server.peers if peer.received)
        self._server.peers.clear()
        return Result(streams, received)


def record(peer: Peer) -> None:
    """Answer every request that h11 finds, and read on until the peer closes."""
    parser = h11.Connection(h11.SERVER)
    head_only = False
    while data := peer.read():
        try:
            parser.receive_data(data)
            while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Request):
                    head_only = event.method == b"HEAD"
                if isinstance(event, h11.EndOfMessage):
                    peer.send(OK.removesuffix(b"ok") if head_only else OK)
        except h11.RemoteProtocolError:
            return


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with ScriptedServer(record) as server, BareDataplane() as plane, Lease(1) as own:
        front = ("127.0.0.1", own.ports[0])
        plane.listen(front)
        pool = {"reuse": "never", "max_idle": 0, "idle_timeout": 1000}
        app = backend("app", {"only": f"127.0.0.1:{server.port}"}, pool=pool)
        value = snapshot(1, {f"127.0.0.1:{front[1]}": "web"}, [frontend("web", "app")], [app])
        answer = plane.ask("apply", snapshot=value)
        assert answer["ok"], answer
        yield Wire(front, server)


def test_good_requests_arrive(wire: Wire) -> None:
    for raw in GOOD:
        result = wire.send([raw])
        judge(raw, result)
        assert result.streams or b"HTTP/1.1 4" in result.received or b"HTTP/1.1 501" in result.received, raw
    assert sum(bool(wire.send([raw]).streams) for raw in GOOD) >= len(GOOD) * 3 // 4


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(what=bent())
@example(what=Bent(GOOD[0] * 3, (1, 2, 3)))
def test_what_arrives_is_what_was_sent(wire: Wire, what: Bent) -> None:
    cut = wire.send(what.segments)
    messages = judge(what.data, cut)
    if what.cuts:
        whole = wire.send([what.data])
        assert judge(what.data, whole) == messages
        assert statuses(what.data, whole.received) == statuses(what.data, cut.received)


def judge(data: bytes, result: Result) -> list[Message]:
    """Hold what arrived against what was sent; return it."""
    sent = read_requests(data)
    arrived: list[Message] = []
    for stream in result.streams:
        reading = read_requests(stream)
        assert reading.refusal in ("", "incomplete"), (reading.refusal, stream)
        assert len(reading.messages) <= 1, stream
        assert not reading.rest or reading.refusal, stream
        assert not bare(stream.partition(b"\r\n\r\n")[0])
        assert [_plain(message) for message in reading.whole] == list(as_h11_reads(stream))
        arrived += reading.messages
    assert len(arrived) <= len(sent.messages), (sent, result.streams)
    for before, after in zip(sent.messages, arrived, strict=False):
        assert not (changes := request_changes(before, after)), changes
        assert after.head_only or not before.head_only, "a body that never ended arrived whole"
    check_answers(data, result, arrived)
    return [message for message in arrived if not message.head_only]


def check_answers(data: bytes, result: Result, arrived: list[Message]) -> None:
    """One good answer for each request that arrived whole, then at most one refusal, which ends the connection."""
    answers = list(read_answers(data, result.received))
    own = [answer for answer in answers if answer.all(b"tenbin-reason")]
    assert len(own) <= 1
    for answer in own:
        assert answer is answers[-1]
        assert answer.status in REFUSALS, answer
        assert b"close" in answer.options, answer
    assert [answer.status for answer in answers if answer not in own] == [200] * (len(answers) - len(own))
    assert len(answers) - len(own) == sum(not message.head_only for message in arrived)


def statuses(data: bytes, received: bytes) -> list[int]:
    return [answer.status for answer in read_answers(data, received)]


def read_answers(data: bytes, received: bytes) -> Iterator[Message]:
    """The answers, each by the method of its request; a refusal is the last, with its body or, to HEAD, without."""
    methods = [message.method for message in read_requests(data).messages]
    while received:
        head = read_answer(received, b"HEAD")
        assert not head.refusal, (head.refusal, received)
        if head.messages[-1].all(b"tenbin-reason"):
            assert len(head.rest) in (0, int(head.messages[-1].all(b"content-length")[0])), received
            yield head.messages[-1]
            return
        reading = read_answer(received, methods.pop(0))
        assert not reading.refusal, (reading.refusal, received)
        yield reading.messages[-1]
        received = reading.rest


def as_h11_reads(stream: bytes) -> Iterator[tuple[object, ...]]:
    """The whole messages that h11 finds, as `_plain` tells them."""
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(stream)
    request, body = None, bytearray()
    while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        if isinstance(event, h11.Request):
            request, body = event, bytearray()
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert request is not None
            fields = [(bytes(name), bytes(value)) for name, value in request.headers]
            yield bytes(request.method), bytes(request.target), fields, bytes(body), list(event.headers)


def _plain(message: Message) -> tuple[object, ...]:
    return message.method, message.target, list(message.fields), message.body, list(message.trailers)


def _read_all(client: socket.socket) -> bytes:
    received = bytearray()
    try:
        while data := client.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return bytes(received)


def _is_open(peer: Peer) -> bool:
    return peer.socket.fileno() >= 0
