"""Load from other programs than wrk: h2load for HTTP/2, and ours for TLS handshakes; and what a proxy used for it."""

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.figures import Figure, Row
from harness.proxies import Running
from harness.rounds import rotated
from harness.usage import cpu_seconds

_REQUESTS = re.compile(r"requests: (\d+) total.* (\d+) succeeded, (\d+) failed")
_COUNTS = re.compile(r"(\w+)=(\d+)")


@dataclass(frozen=True)
class Sample:
    """One round: CPU time of the proxy in microseconds for each unit, and units a second."""

    cpu_us: float
    per_second: float


def sampled_row(
    case: str, unit: str, proxies: Sequence[Running], rounds: int, measure: Callable[[Running], Sample]
) -> Row:
    """Measure every proxy once a round."""
    samples: dict[str, list[Sample]] = {proxy.name: [] for proxy in proxies}
    for proxy in rotated(proxies, rounds):
        samples[proxy.name].append(measure(proxy))
    figures = {
        name: Figure(tuple(one.cpu_us for one in of), {"per_second": tuple(one.per_second for one in of)})
        for name, of in samples.items()
    }
    return Row(case, unit, figures)


def h2load(proxy: Running, connections: int, streams: int, seconds: int, path: str = "/") -> Sample:
    """Ask over so many connections, so many requests at a time on each."""
    command = ["h2load", "-t", str(min(2, connections)), "-c", str(connections), "-m", str(streams)]
    command += ["--duration", str(seconds), f"{proxy.url}{path}"]
    before = cpu_seconds(proxy.pids)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    used = cpu_seconds(proxy.pids) - before
    found = _REQUESTS.search(done.stdout)
    succeeded, failed = (int(found[2]), int(found[3])) if found else (0, 0)
    if not succeeded or failed > succeeded / 100:
        raise RuntimeError(f"{failed} of {succeeded + failed} requests to {proxy.name} failed: {done.stdout}")
    return Sample(used * 1e6 / succeeded, succeeded / seconds)


def handshakes(program: Path, proxy: Running, connections: int, seconds: int, *, resumed: bool) -> Sample:
    """Shake hands on so many connections at a time."""
    command = [
        str(program),
        f"127.0.0.1:{proxy.port}",
        "resumed" if resumed else "full",
        str(connections),
        str(seconds),
    ]
    before = cpu_seconds(proxy.pids)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    used = cpu_seconds(proxy.pids) - before
    counts = {name: int(value) for name, value in _COUNTS.findall(done.stdout)}
    wanted, other = (counts["resumed"], counts["full"]) if resumed else (counts["full"], counts["resumed"])
    if counts["failed"] or other > max(wanted / 20, connections):
        raise RuntimeError(f"handshakes with {proxy.name}: {done.stdout}")
    return Sample(used * 1e6 / wanted, wanted / (counts["micros"] / 1e6))
