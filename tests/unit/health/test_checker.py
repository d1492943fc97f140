"""The whole checker on the real clock with real servers, and what it costs."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tenbin.clock import SystemClock
from tenbin.health import Checker, HealthChange
from tenbin.model import ServerId, TcpCheck
from unit.health.support import check, http, running, target, until

if TYPE_CHECKING:
    from tenbin.model import Probe

pytestmark = pytest.mark.anyio
S1 = ServerId("app", "s1")
QUICK = {"every": 40, "fast": 20, "down": 20, "timeout": 5000}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class App(asyncio.Protocol):
    """Answers every request with `answer`."""

    answer = OK

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - whatever is asked
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(App.answer)
        self._transport.close()


async def listen(port: int = 0) -> tuple[asyncio.Server, int]:
    server = await asyncio.get_running_loop().create_server(App, "127.0.0.1", port)
    return server, server.sockets[0].getsockname()[1]


async def test_a_server_that_dies_and_returns() -> None:
    changes: list[HealthChange] = []
    checker = Checker(SystemClock(), changes.append)
    server, port = await listen()
    checker.replace([target(port=port, how=check(http(), **QUICK))])
    async with running(checker.run()):
        await until(lambda: len(changes) == 1)
        server.close()
        await server.wait_closed()
        await until(lambda: len(changes) == 2)
        server, _ = await listen(port)
        await until(lambda: len(changes) == 3)
        App.answer = SAD
        try:
            await until(lambda: len(changes) == 4)
        finally:
            App.answer = OK
    server.close()
    assert [f"{change.old}->{change.new}: {change.reason}" for change in changes] == [
        "unknown->up: L7OK 200 OK (first check)",
        "up->down: L4CON connection refused (3 of 3 checks)",
        "down->up: L7OK 200 OK (2 of 2 checks)",
        "up->down: L7STS 503 Service Unavailable (3 of 3 checks)",
    ]
    assert checker.view(S1).downs == 2
    assert checker.results(S1)[0].code == 503


async def test_a_trigger_finds_a_dead_server_before_its_next_check() -> None:
    changes: list[HealthChange] = []
    checker = Checker(SystemClock(), changes.append)
    server, port = await listen()
    checker.replace([target(port=port, how=check(every=3_600_000, fast=10, fall=1))])
    async with running(checker.run()):
        await until(lambda: len(changes) == 1)
        server.close()
        await server.wait_closed()
        checker.trigger(S1)
        await until(lambda: len(changes) == 2)


@pytest.mark.parametrize("probe", [TcpCheck(), http()], ids=["tcp", "http"])
async def test_a_check_costs_little_more_than_its_connection(probe: Probe) -> None:
    """A bare exchange over asyncio's streams, with the same server in the same loop, is the measure."""
    checker = Checker(SystemClock(), lambda _: None)
    async with AsyncExitStack() as stack:
        ports = []
        for _ in range(50):
            server, port = await listen()
            await stack.enter_async_context(server)
            ports.append(port)
        targets = [target(f"s{number}", port, check(probe, **QUICK)) for number, port in enumerate(ports)]
        checker.replace(targets)

        def done() -> int:
            return sum(checker.view(one.id).passed_total for one in targets)

        async with running(checker.run()):
            await until(lambda: done() > 100)
            before, began = done(), time.process_time()
            await until(lambda: done() > before + 2000, 60)
            cost = (time.process_time() - began) / (done() - before)
        bare = await cost_of_an_exchange(ports[0])
    assert cost < 3 * bare, f"{cost * 1e6:.0f} us of CPU a check, {bare * 1e6:.0f} us an exchange"


async def cost_of_an_exchange(port: int) -> float:
    """Return the seconds of CPU for a connection, a request, its answer and the end."""
    began = time.process_time()
    for _ in range(500):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await reader.read() == OK
        writer.close()
        await writer.wait_closed()
    return (time.process_time() - began) / 500
