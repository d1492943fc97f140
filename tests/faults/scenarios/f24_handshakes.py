"""F24: TLS under pressure: two thousand clients that begin a handshake and stop, and certificates that are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from faults.harness.outcome import Goal, Outcome, figures_of
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene, usage
from faults.scenarios.f14_idle import slower
from support.apart import Apart
from support.certificates import client_hello, make_certificate, served
from support.steady import Steady, between
from tenbin.testing import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant
    from tenbin.testing.client import Address

    T = TypeVar("T")
    Loads = tuple[Steady, Steady]
    Windows = list[tuple[float, float]]

DEADLINE = 3.0
HALF = "\x16\x03\x01\x01\x00\x01\x00\x00\x7c\x03\x03" + "r" * 20
"""The beginning of a ClientHello of which 256 bytes were announced."""
CHANGES = 3
PROMPT = 1.0
"""Seconds in which a new certificate is served."""


class Ends(NamedTuple):
    """What became of the half handshakes: how many stood at the end, seconds of the last, bytes of memory for each."""

    alive: int
    latest: float
    memory: int


def play(stage: Stage) -> Outcome:
    """Measure healthy clients alone, beside the half handshakes, and while certificates are replaced."""
    count = round(stage.pick(400, 2000))
    (secure,) = stage.ports(1)
    files = [make_certificate(stage.folder / f"{i}.pem") for i in range(CHANGES + 1)]
    live, trusted = stage.folder / "live.pem", stage.folder / "trusted.pem"
    trusted.write_bytes(b"".join(file.read_bytes() for file in files))
    _put(files[0], live)
    scene = Scene(stage.servers.some(2), secure=secure, certificate=str(live), head=DEADLINE, clients=count + 1000)
    proxy = stage.start(scene)
    address, rate = (proxy.address[0], secure), stage.pick(40, 100)
    with (
        Steady(address, rate, "/api/fast", ca=trusted) as kept,
        Steady(address, rate / 4, "/api/fast", connections=0, ca=trusted) as fresh,
    ):
        loads = (kept, fresh)
        calm, _ = _during(loads, lambda: kept.run_for(stage.pick(2, 10)))
        stage.watch(proxy)
        beside, ends = _during(loads, lambda: crowd(proxy, address, count))
        prompt = max(replaced(stage, proxy, address, file, live) for file in files[1:])
        kept.run_for(stage.pick(0.3, 2))
        summaries = [load.stop() for load in loads]
    # Of kept connections, and of new ones.
    alone, crowded = (
        [figures_of(between(summary, *window)).p99 for summary, window in zip(summaries, windows, strict=True)]
        for windows in (calm, beside)
    )

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("all half handshakes are ended", not ends.alive),
            Goal("half handshakes end 1 s after the deadline", ends.latest <= DEADLINE + stage.patience),
            Goal("p99 of kept connections is no more than doubled", crowded[0] <= slower(alone[0], stage)),
            Goal("a new certificate is served within 1 s", prompt <= PROMPT * stage.patience),
        )

    extra = {
        "p99 ms kept alone / beside": f"{alone[0]:.1f} / {crowded[0]:.1f}",
        "p99 ms new alone / beside": f"{alone[1]:.1f} / {crowded[1]:.1f}",
        "ended after s": f"{ends.latest:.1f}" if not ends.alive else "never",
        "KiB each": round(ends.memory / 1024, 1),
        "served after ms": milliseconds(prompt),
    }
    records = sorted((record for summary in summaries for record in summary.records), key=lambda record: record.start)
    return stage.outcome(proxy, Summary(tuple(records)), goals, extra)


def crowd(proxy: Contestant, address: Address, count: int) -> Ends:
    """Begin handshakes, half of them with half a ClientHello and half with a whole one, until all were ended."""
    base, most = usage(proxy.pids()).memory, 0
    whole = client_hello().decode("latin-1")
    half = {"address": address, "count": count // 2}
    with Apart("support.crowd", **half, first=HALF) as one, Apart("support.crowd", **half, first=whole) as other:
        crowds = (one, other)
        for each in crowds:
            each.hear(60)
        for _ in range(200):
            most = max(most, usage(proxy.pids()).memory - base)
            if all(each.has_answered(0.05) for each in crowds):
                break
        for each in crowds:
            each.tell("stop")
        told = [each.hear() for each in crowds]
    ends = [seconds for each in told for seconds in each["ends"]]
    return Ends(sum(each["alive"] for each in told), max(ends, default=0.0), most // count)


def replaced(stage: Stage, proxy: Contestant, address: Address, file: Path, live: Path) -> float:
    """Put another certificate in the place of the one in use; return the seconds until it is served."""
    wanted = file.read_text().partition("-----BEGIN PRIVATE")[0].split()
    _put(file, live)
    if proxy.name != "tenbin":
        # The others do not watch their files.
        proxy.reload_file()
    return stage.seconds_until(lambda: served(address).split() == wanted, 10)


def _put(file: Path, live: Path) -> None:
    new = live.with_name(".live.new")
    new.write_bytes(file.read_bytes())
    new.chmod(0o600)
    new.replace(live)


def _during(loads: Loads, action: Callable[[], T]) -> tuple[Windows, T]:
    """Act, and return from when to when that was for each load."""
    begins = [load.elapsed for load in loads]
    result = action()
    return list(zip(begins, [load.elapsed for load in loads], strict=True)), result


SCENARIO = Scenario(
    id="F24",
    title="handshakes",
    injected="2 000 TLS handshakes that are begun and left, with a deadline of 3 s; then three new certificates",
    target=(
        "0 failed, ended 1 s after the deadline, p99 of kept connections no more than doubled (20 ms are always "
        "granted), a new certificate served within 1 s"
    ),
    play=play,
    columns=("p99 ms kept alone / beside", "p99 ms new alone / beside", "ended after s", "KiB each", "served after ms"),
)
