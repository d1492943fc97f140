"""F16: a thousand clients that are slow on purpose are ended in time, cost little, and slow nobody down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.kernel import resident
from support.slow import Crowd, Fountain, allow_many, socket_memory
from tenbin.clock import SystemClock
from tenbin.testing import Load, RunningLoad, Summary, config_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

CLOCK = SystemClock()
DEADLINE = 3.0
BIG = 10 << 20
HEAD = b"GET /%s HTTP/1.1\r\nHost: a\r\n"
KINDS = {
    "head": (HEAD % b"api/fast", b"x"),
    "body": (b"POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "read": (HEAD % b"big" + b"\r\n", b""),
}
"""What each client sends at once, and then byte by byte."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What F16 reports: seconds until the first and the last was ended, bytes for each, latencies in seconds."""

    kind: str
    count: int
    ended: tuple[float, float]
    memory: int
    sockets: tuple[int, int]
    p99: tuple[float, float]
    failed: int


def config(servers: dict[str, int], fountain: int, seconds: float) -> str:
    """Return the configuration: both deadlines are the same, everything else is as usual."""
    routes = [{"prefix": "/big", "backends": [f"127.0.0.1:{fountain}"]}, {"backend": "app"}]
    timeouts = {"header": f"{seconds:g}s", "client": f"{seconds:g}s"}
    return config_text(servers, frontend={"routes": routes}, timeouts=timeouts, log="none", threads=2)


def stall(tenbin: Tenbin, kind: str, count: int, fountain: int) -> Figures:
    """Let so many clients be slow in one way until all are ended, with healthy traffic beside."""
    allow_many()
    load = Load(rps=60, duration=60, target="/api/fast", timeout=5)
    with RunningLoad(tenbin.address, load) as before:
        before.wait_until(2)
        calm = before.stop()
    pid, port = tenbin.dataplane_pid, tenbin.address[1]
    base = resident(pid)
    memory, sockets = 0, (0, 0)
    with RunningLoad(tenbin.address, load) as running:
        with Crowd(tenbin.address, count, *KINDS[kind]) as crowd:
            opened = running.elapsed
            measured = CLOCK.now() + DEADLINE / 2
            end = CLOCK.now() + 30
            while crowd.alive and CLOCK.now() < end:
                crowd.step()
                if measured and CLOCK.now() >= measured and crowd.alive > count // 2:
                    measured = 0.0
                    sockets = (socket_memory(f"sport = :{port}"), socket_memory(f"dport = :{fountain}"))
                memory = max(memory, resident(pid) - base)
            ends = (min(crowd.ends, default=0.0), max(crowd.ends, default=0.0))
            alive = crowd.alive
        summary = running.stop()
    assert not alive, f"{alive} of {count} are still there; {running.done}"
    beside = Summary(tuple(record for record in summary.records if record.start > opened))
    latencies = (calm.percentile(0.99), beside.percentile(0.99))
    each = (sockets[0] // count, sockets[1] // count)
    return Figures(kind, count, ends, memory // count, each, latencies, len(calm.failed) + len(summary.failed))


@pytest.fixture
def fountain() -> Iterator[Fountain]:
    with Fountain(BIG) as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("head", 1000), ("body", 1000), ("read", 200)])
def test_slow_clients_are_ended(
    kind: str, count: int, start_tenbin: StartTenbin, trio: Servers, fountain: Fountain
) -> None:
    tenbin = start_tenbin(config(trio.first(2), fountain.port, DEADLINE))
    figures = stall(tenbin, kind, count, fountain.port)
    print(figures)  # noqa: T201 - shown when it fails, and with -s
    assert figures.ended[0] >= DEADLINE * 0.8, figures
    # The system fills the last of a reader's window seconds later, and the deadline runs from the last byte taken.
    assert figures.ended[1] <= DEADLINE + (5 if kind == "read" else 1), figures
    assert figures.memory <= 64 * 1024, figures
    assert figures.failed == 0, figures
    # Twice as slow, or as much as a machine that runs other tests beside is by itself.
    assert figures.p99[1] <= max(2 * figures.p99[0], figures.p99[0] + 0.3), figures
