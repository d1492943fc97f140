"""F25: requests of HTTP/2 that are reset at once, by the client, or by the proxy because the client provokes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from faults.scenarios.f14_idle import slower
from support.counting import Counting
from support.flood import flood
from support.frames import headers, opening, request, reset, window_update
from support.kernel import cpu_seconds
from support.slow import allow_many
from support.steady import Steady, between

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant
    from tenbin.testing.client import Address

STREAMS = 3000
CONNECTIONS = 10
AT_ONCE = 100
"""Streams that a connection may have by default."""


class Attack(NamedTuple):
    """What came of one: connections that the proxy ended, what the server saw, processor time of the proxy."""

    ended: int
    connections: int
    requests: int
    cpu: float


def play(stage: Stage) -> Outcome:
    """Measure healthy clients alone, then beside both attacks."""
    allow_many()
    (framed,) = stage.ports(1)
    count = round(stage.pick(3, CONNECTIONS))
    with Counting() as server:
        proxy = stage.start(Scene(stage.servers.some(2), big=server.port, framed=framed))
        address = (proxy.address[0], framed)
        with Steady(proxy.address, stage.pick(60, 200), "/api/fast") as steady:
            calm = steady.run_for(stage.pick(1, 10))
            stage.watch(proxy)
            begin = steady.elapsed

            def settle() -> None:
                steady.run_for(0.5)

            rapid = attack(proxy, address, server, [_streams(reset)] * count, settle)
            made = attack(proxy, address, server, [_streams(lambda stream: window_update(stream, 0))] * count, settle)
            beside = (begin, steady.elapsed)
            summary = steady.stop()
    alone, crowded = (figures_of(between(summary, *when)).p99 for when in (calm, beside))

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("no server connection for requests that are reset at once", rapid.connections == 0),
            Goal("no more server connections than streams at once", made.connections <= AT_ONCE * count),
            Goal("all connections are ended", rapid.ended == made.ended == count),
            Goal("p99 is no more than doubled", crowded <= slower(alone, stage)),
        )

    extra = {
        "server connections": f"{rapid.connections} / {made.connections}",
        "requests": f"{rapid.requests} / {made.requests}",
        "ended": f"{rapid.ended} / {made.ended} of {count}",
        "CPU ms": f"{rapid.cpu * 1000:.0f} / {made.cpu * 1000:.0f}",
        "p99 ms alone / beside": f"{alone:.1f} / {crowded:.1f}",
    }
    return stage.outcome(proxy, summary, goals, extra)


def attack(
    proxy: Contestant, address: Address, server: Counting, floods: Sequence[bytes], settle: Callable[[], None]
) -> Attack:
    """Play floods side by side, each on its own connection."""
    connections, requests = server.connections, server.requests
    before = sum(map(cpu_seconds, proxy.pids()))
    with ThreadPoolExecutor(len(floods)) as pool:
        found = list(pool.map(lambda data: flood(address, data), floods))
    settle()
    cpu = sum(map(cpu_seconds, proxy.pids())) - before
    ended = sum(one.ended for one in found)
    return Attack(ended, server.connections - connections, server.requests - requests, cpu)


def _streams(ending: Callable[[int], bytes]) -> bytes:
    """Return a connection of many requests, each with its ending right behind it."""
    fields = request(b"/big/x")
    return opening() + b"".join(headers(stream, fields) + ending(stream) for stream in range(1, 2 * STREAMS, 2))


SCENARIO = Scenario(
    id="F25",
    title="resets",
    injected="10 connections of HTTP/2 with 3 000 requests each, reset at once; then as many that the proxy must reset",
    target="0 failed, 0 server connections for the first, connections ended, p99 no more than doubled",
    play=play,
    columns=("server connections", "requests", "ended", "CPU ms", "p99 ms alone / beside"),
)
