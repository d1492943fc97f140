"""F17: 200 descriptors and 1 000 clients that say nothing: who is in is served, the rest waits, nothing spins."""

from __future__ import annotations

import contextlib
import resource
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.kernel import cpu_seconds, descriptors
from tenbin.clock import SystemClock
from tenbin.testing import Client, ExchangeError, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin
    from tenbin.testing.client import Address

CLOCK = SystemClock()
LIMIT = 200
CLIENTS = 1_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What F17 reports: `share` of a processor while nothing can be accepted, seconds to `recover`."""

    held: int
    share: float
    recover: float


def config(servers: dict[str, int], **top: object) -> str:
    """Return the configuration of the scenario: clients that say nothing may stay, servers are checked."""
    backend = {"check": {"http": "GET /health", "every": "200ms"}}
    return config_text(servers, backend, threads=2, timeouts={"header": "60s"}, **top)


@contextlib.contextmanager
def flood(address: Address, count: int) -> Iterator[list[socket.socket]]:
    """Open so many connections, as far as the system takes them, and close them in the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = []
    try:
        for _ in range(count):
            one = socket.socket()
            sockets.append(one)
            one.setblocking(False)
            one.connect_ex(address)
        yield sockets
    finally:
        for one in sockets:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def exhaust(tenbin: Tenbin, seconds: float) -> Figures:
    """Take all descriptors that clients may have for so long, and see what still works and how soon all does."""
    dataplane = tenbin.dataplane_pid
    with Client(tenbin.address) as kept:
        assert kept.get("/api/fast").status == 200
        resource.prlimit(dataplane, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        wait_for(lambda: tenbin.status()["process"]["descriptors_limit"] == LIMIT, 5, "the limit is seen")
        with flood(tenbin.address, CLIENTS):
            wait_for(lambda: "accepting pauses" in tenbin.log(), 10, "accepting pauses")
            held = descriptors(dataplane)
            begin, used = CLOCK.now(), cpu_seconds(dataplane)
            wait_for(lambda: kept.get("/api/fast").status == 200 and CLOCK.now() - begin >= seconds, seconds + 5)
            share = (cpu_seconds(dataplane) - used) / (CLOCK.now() - begin)
            still_works(tenbin, kept)
            freed = CLOCK.now()
        wait_for(lambda: answers(tenbin), 10, "a new client is served")
        recover = CLOCK.now() - freed
    wait_for(lambda: "accepting goes on" in tenbin.log(), 5, "the journal says that it is over")
    return Figures(held, share, recover)


def still_works(tenbin: Tenbin, kept: Client) -> None:
    """Whoever is in is served, and the operator sees and changes what goes on."""
    assert [kept.get("/api/fast").status for _ in range(20)] == [200] * 20
    checks = tenbin.server("app/server1")["check"]["passed_total"]
    wait_for(lambda: tenbin.server("app/server1")["check"]["passed_total"] > checks, 5, "checks go on")
    assert tenbin.reload(tenbin.file.read_text() + "\n# changed\n").returncode == 0
    assert kept.get("/api/fast").status == 200


def answers(tenbin: Tenbin) -> bool:
    """Whether a new connection gets an answer at once."""
    try:
        with Client(tenbin.address, 0.5) as client:
            return client.get("/api/fast").status == 200
    except (ExchangeError, OSError):
        return False


def test_descriptors_run_out_and_come_back(start_tenbin: StartTenbin, trio: Servers) -> None:
    figures = exhaust(start_tenbin(config(trio.first(2))), seconds=2)
    assert LIMIT * 3 // 4 <= figures.held < LIMIT, figures
    assert figures.share < 0.05, figures
    assert figures.recover < 1, figures
