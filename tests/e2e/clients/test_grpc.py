"""gRPC, with a client and a server of grpcio: HTTP/2 on both sides of Tenbin, with TLS and without.

Messages are plain bytes: grpcio needs no generated code for them.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import pytest
import yaml

from support.certificates import make_certificate
from tenbin.testing import Lease, Tenbin, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = "test.Echo"


@dataclass(slots=True)
class Calls:
    """What the service noticed."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    metadata: dict[str, str | bytes] = field(default_factory=dict)


class Service(grpc.GenericRpcHandler):
    """Every kind of call; what it does is in the name of the method."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        unary = {"Unary": self._unary, "Fail": self._fail, "Slow": self._slow, "Crash": self._crash}
        name = details.method.rpartition("/")[2]
        if name in unary:
            return grpc.unary_unary_rpc_method_handler(unary[name])
        if name == "Endless":
            return grpc.unary_stream_rpc_method_handler(self._endless)
        if name == "Many":
            return grpc.unary_stream_rpc_method_handler(self._many)
        if name == "Sum":
            return grpc.stream_unary_rpc_method_handler(self._sum)
        return grpc.stream_stream_rpc_method_handler(self._both) if name == "Both" else None

    def _unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._calls.metadata = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"), ("x-last-bin", b"\x00\xff")))
        return request

    def _fail(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"no {request.decode()}: 100 %")
        raise AssertionError

    def _crash(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        raise RuntimeError(request)

    def _slow(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._calls.deadline = context.time_remaining()
        context.add_callback(self._calls.cancelled.set)
        self._calls.cancelled.wait(10)
        return request

    def _many(self, request: bytes, _context: grpc.ServicerContext) -> Iterator[bytes]:
        for i in range(int(request)):
            yield b"%d" % i * 1000

    def _endless(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.add_callback(self._calls.cancelled.set)
        while not self._calls.cancelled.wait(0.01):
            yield request

    def _sum(self, requests: Iterator[bytes], _context: grpc.ServicerContext) -> bytes:
        return b"%d" % sum(len(request) for request in requests)

    def _both(self, requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield request.upper()


@dataclass(slots=True)
class Line:
    """A channel through Tenbin to the service."""

    channel: grpc.Channel
    calls: Calls

    def unary(self, method: str) -> grpc.UnaryUnaryMultiCallable:
        return self.channel.unary_unary(f"/{SERVICE}/{method}")


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Calls, dict[str, int]]]:
    """The service, without TLS."""
    calls = Calls()
    server = grpc.server(ThreadPoolExecutor(16), handlers=(Service(calls),), options=(("grpc.so_reuseport", 0),))
    with Lease(1) as lease:
        port = lease.ports[0]
        server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        yield calls, {"plain": port}
        server.stop(0).wait(5)


@pytest.fixture(scope="module")
def front(
    service: tuple[Calls, dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Tenbin, Path]]:
    """Tenbin, which has no server for one of the hosts."""
    file = make_certificate(tmp_path_factory.mktemp("grpc") / "localhost.pem")
    value = {
        "frontends": {
            "calls": {
                "listen": ["{listen}", {"address": "{listen2}", "tls": str(file)}],
                "routes": [{"when": 'path.startswith("/nobody")', "backend": "nobody"}, {"backend": "calls"}],
            }
        },
        "backends": {
            "calls": {"protocol": "http2", "servers": {"one": f"127.0.0.1:{service[1]['plain']}"}},
            "nobody": {"protocol": "http2", "servers": {"gone": {"address": "127.0.0.1:1", "weight": 1}}},
        },
    }
    with Tenbin(yaml.safe_dump(value, sort_keys=False)) as tenbin:
        yield tenbin, file


@pytest.fixture(params=["plain", "tls"])
def line(
    request: pytest.FixtureRequest, front: tuple[Tenbin, Path], service: tuple[Calls, dict[str, int]]
) -> Iterator[Line]:
    """A new channel."""
    tenbin, file = front
    calls = service[0]
    calls.cancelled.clear()
    calls.deadline = None
    if request.param == "tls":
        trusted = grpc.ssl_channel_credentials(file.read_bytes())
        channel = grpc.secure_channel(f"localhost:{tenbin.address_of('listen2')[1]}", trusted)
    else:
        channel = grpc.insecure_channel(f"127.0.0.1:{tenbin.address[1]}")
    with channel:
        yield Line(channel, calls)


def test_unary_with_metadata_on_both_ends(line: Line) -> None:
    answer, call = line.unary("Unary").with_call(
        b"hello", metadata=(("x-sent", "yes"), ("x-bin", b"\x01\xfe")), timeout=10
    )
    assert answer == b"hello"
    assert call.code() is grpc.StatusCode.OK
    assert ("x-first", "1") in call.initial_metadata()
    assert dict(call.trailing_metadata()).items() >= {"x-last": "2", "x-last-bin": b"\x00\xff"}.items()
    assert line.calls.metadata.items() >= {"x-sent": "yes", "x-bin": b"\x01\xfe"}.items()


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_messages_of_all_sizes(line: Line, size: int) -> None:
    assert line.unary("Unary")(b"x" * size, timeout=20) == b"x" * size


def test_a_server_streams(line: Line) -> None:
    found = list(line.channel.unary_stream(f"/{SERVICE}/Many")(b"200", timeout=20))
    assert found == [b"%d" % i * 1000 for i in range(200)]


def test_a_client_streams(line: Line) -> None:
    parts = [b"x" * 1000] * 300
    assert line.channel.stream_unary(f"/{SERVICE}/Sum")(iter(parts), timeout=20) == b"300000"


def test_both_stream_in_turns(line: Line) -> None:
    """Each message waits for the answer to the one before."""
    answered = threading.Semaphore(1)

    def requests() -> Iterator[bytes]:
        for i in range(20):
            assert answered.acquire(timeout=10)
            yield b"message %d" % i

    found = []
    for answer in line.channel.stream_stream(f"/{SERVICE}/Both")(requests(), timeout=20):
        found.append(answer)
        answered.release()
    assert found == [b"MESSAGE %d" % i for i in range(20)]


def test_many_calls_share_a_channel(line: Line) -> None:
    calls = [line.unary("Unary").future(b"%d" % i, timeout=20) for i in range(200)]
    assert [call.result() for call in calls] == [b"%d" % i for i in range(200)]


def test_a_status_comes_in_trailers(line: Line) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        line.unary("Fail")(b"luck", timeout=10)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no luck: 100 %")
    with pytest.raises(grpc.RpcError) as caught:
        line.unary("Crash")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    with pytest.raises(grpc.RpcError) as caught:
        line.unary("Nothing")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_is_told_and_kept(line: Line) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        line.unary("Slow")(b"", timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert line.calls.cancelled.wait(5), "the server learns that nobody waits"
    assert line.calls.deadline is not None
    assert 0 < line.calls.deadline <= 0.6


def test_a_call_that_is_cancelled_ends_at_the_server(line: Line) -> None:
    call = line.channel.unary_stream(f"/{SERVICE}/Endless")(b"more", timeout=20)
    assert next(call) == b"more"
    call.cancel()
    assert line.calls.cancelled.wait(5)


def test_answers_of_tenbin_are_of_grpc(line: Line) -> None:
    """A client of gRPC gets its status, not an answer of HTTP that it has to guess from."""
    with pytest.raises(grpc.RpcError) as caught:
        line.channel.unary_unary("/nobody.There/Call")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_a_reload_ends_no_call(line: Line, front: tuple[Tenbin, Path]) -> None:
    tenbin, _ = front
    answered = threading.Semaphore(1)
    done = threading.Event()

    def requests() -> Iterator[bytes]:
        while not done.is_set():
            assert answered.acquire(timeout=10)
            yield b"more"

    found: list[bytes] = []

    def talk() -> None:
        for answer in line.channel.stream_stream(f"/{SERVICE}/Both")(requests(), timeout=60):
            found.append(answer)
            answered.release()

    with ThreadPoolExecutor(1) as pool:
        talking = pool.submit(talk)
        wait_for(lambda: len(found) > 3, 10)
        for _ in range(2):
            assert tenbin.reload().returncode == 0
            count = len(found)
            wait_for(lambda: len(found) > count + 3, 10)  # noqa: B023 - called at once
        done.set()
        talking.result(10)
