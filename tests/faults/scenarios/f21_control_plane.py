"""F21: the control plane is killed, hangs, and is asked nonsense; the data plane must not care."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene
from support.operator import TOKEN
from support.operator import reload as reload_by_api
from tenbin.testing import ExchangeError, Summary, fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faults.harness.outcome import Figures
    from faults.harness.traffic import Traffic

NOISE = 100.0, 25.0
"""Milliseconds that a busy machine adds to a percentile by itself: beside other tests (the short form), and alone."""

_RIGHT = ("Authorization", f"Bearer {TOKEN}")
_JSON = ("Content-Type", "application/json")
_NONSENSE = (
    ("GET", "/api/v1/nothing", (), b""),
    ("PATCH", "/api/v1/servers/app/nobody", (_RIGHT, _JSON), b'{"weight": 1}'),
    ("PATCH", "/api/v1/servers/app/server1", (_RIGHT, _JSON), b'{"weight": "much"}'),
    ("PATCH", "/api/v1/servers/app/server1", (_RIGHT, _JSON), b"{" * 10_000),
    ("PATCH", "/api/v1/servers/app/server1", (("Authorization", "Bearer wrong"), _JSON), b'{"weight": 0}'),
    ("POST", "/api/v1/reload", (_RIGHT, _JSON), b"\xff\xfe"),
    ("DELETE", "/api/v1/status", (_RIGHT,), b""),
)
_BROKEN = ("backends: [", "frontends: {web: {listen: [nonsense]}}", "no_such_key: 1", "a: &a [*a]", "\x00", "")


def play(stage: Stage) -> Outcome:
    """One after the other under one load; the first seconds are quiet, for comparison."""
    proxy = stage.start(Scene(stage.servers.some(2)))
    assert isinstance(proxy, Ours)
    parts: dict[str, tuple[float, float]] = {}
    with stage.traffic(proxy) as traffic:
        begin = traffic.elapsed
        traffic.run_for(stage.pick(1.5, 8))
        parts["quiet"] = (begin, traffic.elapsed)
        parts["killed"] = _killed(proxy, traffic, stage.pick(1, 5))
        parts["hanging"], age = _hanging(stage, proxy, traffic)
        parts["storm"], answers = _storm(proxy, traffic, stage.pick(2, 8))
        summary = traffic.stop()
    of = {name: _figures(summary, *span) for name, span in parts.items()}
    healthy = all(proxy.health(server) == "up" for server in proxy.scene.servers)

    def goals(figures: Figures) -> Sequence[Goal]:
        bound = max(2 * of["quiet"].p99, of["quiet"].p99 + stage.pick(*NOISE))
        without = max(of[name].p99 for name in ("killed", "hanging"))
        return (
            nothing_failed(figures),
            Goal(
                "p99 as without, while it is dead or hangs",
                without <= bound,
            ),
            Goal("the age of the statistics is shown", 0 <= age < 5),
            Goal("nonsense is refused, nothing breaks", answers.get("none", 0) == 0 and healthy),
        )

    extra = {
        **{f"p99 ms {name}": round(one.p99, 1) for name, one in of.items()},
        "age ms after 10 s of hanging": milliseconds(age),
        **{f"answers {status}": count for status, count in sorted(answers.items())},
    }
    return stage.outcome(proxy, summary, goals, extra)


def _killed(proxy: Ours, traffic: Traffic, seconds: float) -> tuple[float, float]:
    begin = traffic.elapsed
    assert proxy.tenbin.process is not None
    proxy.tenbin.process.kill()
    traffic.run_for(seconds)
    end = traffic.elapsed
    # Starting Python takes the processor for itself; that is no part of being without it.
    proxy.tenbin.start()
    return begin, end


def _hanging(stage: Stage, proxy: Ours, traffic: Traffic) -> tuple[tuple[float, float], float]:
    """Stop it for a while; return when that was, and how old the statistics are in the first status after it."""
    begin = traffic.elapsed
    os.kill(proxy.tenbin.pid, signal.SIGSTOP)
    traffic.run_for(stage.pick(2, 10))
    end = traffic.elapsed
    os.kill(proxy.tenbin.pid, signal.SIGCONT)
    return (begin, end), float(proxy.tenbin.status()["age"])


def _storm(proxy: Ours, traffic: Traffic, seconds: float) -> tuple[tuple[float, float], Mapping[str, int]]:
    """Send nonsense to the API from two threads, and reload broken files, all as fast as it goes."""
    begin, over = traffic.elapsed, threading.Event()
    good = proxy.file.read_text()
    answers: dict[str, int] = {}

    def ask() -> None:
        turn = 0
        while not over.is_set() and turn < 100_000:
            method, target, headers, body = _NONSENSE[turn % len(_NONSENSE)]
            turn += 1
            try:
                status = str(fetch(proxy.tenbin.admin, target, *headers, method=method, body=body or None).status)
            except ExchangeError:
                status = "none"
            answers[status] = answers.get(status, 0) + 1

    def reload() -> None:
        turn = 0
        while not over.is_set() and turn < 100_000:
            assert reload_by_api(proxy.tenbin, _BROKEN[turn % len(_BROKEN)]).status >= 400
            turn += 1

    threads = [threading.Thread(target=work, daemon=True) for work in (ask, ask, reload)]
    for thread in threads:
        thread.start()
    traffic.run_for(seconds)
    over.set()
    for thread in threads:
        thread.join(10)
    end = traffic.elapsed
    proxy.file.write_text(good)
    assert proxy.tenbin.reload().returncode == 0
    return (begin, end), answers


def _figures(summary: Summary, begin: float, end: float) -> Figures:
    return figures_of(Summary(tuple(record for record in summary.records if begin <= record.start < end)))


SCENARIO = Scenario(
    id="F21",
    title="the control plane dies, hangs, is beset",
    injected="the control plane killed, stopped for 10 s, and in a storm of bad calls and broken reloads",
    target="0 failed; p99 as without; the age of the statistics shown",
    play=play,
    columns=("p99 ms quiet", "p99 ms killed", "p99 ms hanging", "p99 ms storm"),
    contestants=("tenbin",),
)
