"""F04: servers are drained, taken out, weighed 0, added and removed under load."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from tenbin.testing import fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faults.harness.outcome import Figures
    from tenbin.testing import Summary


SETTLED = 0.2
"""Seconds after which every kept connection has carried a request: an old worker has had its chance to end."""


class _Out(NamedTuple):
    """From when to when a server was to get nothing."""

    server: str
    since: float
    until: float


def play(stage: Stage) -> Outcome:
    """Take server1 out in every way and bring it back; then do without server3 and with it again."""
    three = Scene(stage.servers.some(3))
    proxy = stage.start(three)
    two = three.with_servers(stage.servers.first(2))
    ways: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("server1", lambda: proxy.set("server1", "drain"), lambda: proxy.set("server1", "ready")),
        ("server1", lambda: proxy.set("server1", "maint"), lambda: proxy.set("server1", "ready")),
        ("server1", lambda: proxy.weigh("server1", 0), lambda: proxy.weigh("server1", 1)),
        ("server3", lambda: proxy.reload(two), lambda: proxy.reload(three)),
    ]
    outs, returned = [], 0
    with stage.traffic(proxy, replace(stage.mix(), posts=10)) as traffic:
        for server, leave, enter in ways:
            leave()
            since = traffic.elapsed
            traffic.run_for(stage.pick(0.4, 3))
            outs.append(_Out(server, since, traffic.elapsed))
            enter()
            wait_for(lambda server=server: fetch(proxy.address, "/api/whoami").server == server, 5)
            returned += 1
        summary = traffic.stop()
    late = sum(_requests(summary, out) for out in outs)
    later = sum(_requests(summary, out._replace(since=out.since + SETTLED)) for out in outs)

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("no new request to a server that is out", late == 0),
            Goal("every server returns", returned == len(ways)),
        )

    return stage.outcome(proxy, summary, goals, {"requests after it": late, "200 ms later": later})


def _requests(summary: Summary, out: _Out) -> int:
    """Count what the server answered of the requests that began and ended while it was out."""
    during = (r for r in summary.records if r.start >= out.since and r.start + r.latency < out.until)
    return sum(record.server == out.server for record in during)


SCENARIO = Scenario(
    id="F04",
    title="drain, maintenance, weight 0, remove, add",
    injected="a server is drained, set to maintenance, weighed 0, removed, and brought back each time",
    target="0 failed, 0 requests to it afterwards",
    play=play,
    columns=("requests after it", "200 ms later"),
)
