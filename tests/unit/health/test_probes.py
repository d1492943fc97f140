"""TCP and HTTP probes against real sockets: every status that they can give."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tenbin.health.probe import Probes
from tenbin.health.result import CheckStatus, Outcome
from unit.health.support import check, http, target, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tenbin.model import HttpCheck

pytestmark = pytest.mark.anyio
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def server(*pieces: bytes, close: bool = True) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answer each request with these pieces, one write each; yields the port and the requests seen."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # noqa: TID251 - lets the piece go out on its own
            if not close:
                await reader.read()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1], requests


@contextmanager
def closed_port() -> Iterator[int]:
    """Hold a port that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def full_listener() -> Iterator[int]:
    """Listen with a backlog that is full, so that further connections get no answer at all."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


async def tcp(port: int, timeout: int = 5000) -> Outcome:  # noqa: ASYNC109 - a setting
    return await Probes()(target(port=port, how=check(timeout=timeout)))


async def ask(port: int, probe: HttpCheck | None = None, timeout: int = 5000) -> Outcome:  # noqa: ASYNC109 - a setting
    return await Probes()(target(port=port, how=check(probe or http(), timeout=timeout)))


async def test_l4ok() -> None:
    async with server() as (port, _):
        assert await tcp(port) == Outcome(CheckStatus.L4OK)


async def test_l4con() -> None:
    with closed_port() as port:
        assert await tcp(port) == Outcome(CheckStatus.L4CON, None, "connection refused")
        assert await ask(port) == Outcome(CheckStatus.L4CON, None, "connection refused")


async def test_l4tout() -> None:
    with full_listener() as port:
        assert (await tcp(port, timeout=60)).status is CheckStatus.L4TOUT
        assert (await ask(port, timeout=60)).status is CheckStatus.L4TOUT


async def test_a_tcp_check_leaves_nothing_in_time_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        outcome = await tcp(listener.getsockname()[1])
        accepted, _ = listener.accept()
        with accepted, pytest.raises(ConnectionResetError):
            accepted.recv(1)
    assert outcome.status is CheckStatus.L4OK


async def test_a_shortage_of_descriptors_is_ours() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with server() as (port, _):
        highest = socket.socket()
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        highest.close()
        spare = []
        try:
            with suppress(OSError):
                while True:
                    spare.append(socket.socket())
            outcome = await tcp(port)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for one in spare:
                one.close()
    assert outcome.status is CheckStatus.SOCKERR


async def test_the_checks_own_port_and_host_are_used() -> None:
    async with server() as (port, _):
        assert (await Probes()(target(port=9, how=check(port=port)))).status is CheckStatus.L4OK
        assert (await Probes()(target(port=port, host="192.0.2.1", how=check(host="localhost")))).status == "L4OK"


async def test_a_check_host_that_does_not_resolve() -> None:
    outcome = await Probes()(target(how=check(host="nowhere.invalid", timeout=30_000)))
    assert outcome.status is CheckStatus.L4CON
    assert outcome.text.startswith("nowhere.invalid: ")


async def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        outcome = await Probes()(target(port=listener.getsockname()[1], host="::1"))
    assert outcome.status is CheckStatus.L4OK


async def test_l7ok_and_what_is_asked() -> None:
    async with server(OK) as (port, requests):
        assert await ask(port, http(path="/health?x=1")) == Outcome(CheckStatus.L7OK, 200, "200 OK")
    head = requests[0].decode().split("\r\n")
    assert head[0] == "GET /health?x=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in head
    assert "Connection: close" in head


async def test_configured_headers_replace_ours() -> None:
    async with server(OK) as (port, requests):
        await ask(port, http(headers=(("host", "app.example"), ("X-Token", "a b"))))
    fields = [line.partition(":")[0].lower() for line in requests[0].decode().split("\r\n")[1:-2]]
    assert b"host: app.example\r\nX-Token: a b\r\n" in requests[0]
    assert sorted(fields) == ["accept", "connection", "host", "user-agent", "x-token"]


async def test_l7sts() -> None:
    async with server(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") as (port, _):
        assert await ask(port) == Outcome(CheckStatus.L7STS, 503, "503 Service Unavailable")


async def test_any_of_several_ranges() -> None:
    async with server(b"HTTP/1.1 301\r\nContent-Length: 0\r\n\r\n") as (port, _):
        assert (await ask(port, http(statuses=((200, 204), (301, 301))))).status is CheckStatus.L7OK


async def test_the_verdict_does_not_wait_for_a_body_that_nobody_asked_for() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", close=False) as (port, _):
        assert (await ask(port)).status is CheckStatus.L7OK


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\n\n", b"\x00\xff" * 500]
)
async def test_l7rsp_at_once(garbage: bytes) -> None:
    async with server(garbage, close=False) as (port, _):
        assert (await ask(port)).status is CheckStatus.L7RSP


async def test_l7rsp_when_the_server_closes_without_an_answer() -> None:
    async with server() as (port, _):
        assert await ask(port) == Outcome(CheckStatus.L7RSP, None, "closed without an answer")


async def test_l7rsp_when_the_server_resets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        asking = asyncio.ensure_future(ask(listener.getsockname()[1]))
        accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
        await asyncio.get_running_loop().sock_recv(accepted, 4096)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        accepted.close()
        outcome = await asking
    assert outcome == Outcome(CheckStatus.L7RSP, None, "connection reset by peer")


@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 100 Continue\r\n\r\n",)])
async def test_l7tout(pieces: tuple[bytes, ...]) -> None:
    async with server(*pieces, close=False) as (port, _):
        assert (await ask(port, timeout=60)).status is CheckStatus.L7TOUT


async def test_an_answer_that_comes_byte_by_byte() -> None:
    async with server(*(bytes([byte]) for byte in OK)) as (port, _):
        assert (await ask(port, http(body="ok"))).status is CheckStatus.L7OK


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is fine", CheckStatus.L7OK),
        (b"HTTP/1.1 200 OK\r\n\r\nall is fine", CheckStatus.L7OK),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nis fi\r\n2\r\nne\r\n0\r\n\r\n", CheckStatus.L7OK),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope", CheckStatus.L7RSP),
        (b"HTTP/1.1 204 No Content\r\n\r\n", CheckStatus.L7RSP),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000 + b"is fine", CheckStatus.L7RSP),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 7\r\n\r\nis fine", CheckStatus.L7STS),
    ],
)
async def test_expected_body(answer: bytes, status: CheckStatus) -> None:
    async with server(answer) as (port, _):
        assert (await ask(port, http(body="is fine"))).status is status


async def test_what_a_server_says_cannot_break_a_line() -> None:
    async with server(b"HTTP/1.1 500 \x80\x9b[31m" + b"x" * 900 + b"\r\n\r\n") as (port, _):
        text = (await ask(port)).text
    assert text.isprintable()
    assert len(text) <= 200


async def test_a_withdrawn_check_closes_its_connection() -> None:
    async with server(close=False) as (port, requests):
        asking = asyncio.ensure_future(ask(port))
        await until(lambda: requests)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
