"""Load: wrk on one proxy, and what the proxy used for it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.proxies import Running
from harness.usage import cpu_seconds

_SCRIPT = Path(__file__).parent.parent / "wrk" / "request.lua"
_FIGURES = re.compile(r"(\w+)=(\d+)")


@dataclass(frozen=True)
class Load:
    """What wrk asks: `argument` is for benches/wrk/request.lua."""

    connections: int
    seconds: int
    path: str = "/"
    argument: str = ""


@dataclass(frozen=True)
class Sample:
    """One round: CPU time of the proxy and times to answer in microseconds; failed: no answer, or not a 2xx."""

    cpu_us: float
    per_second: float
    p50_us: float
    p99_us: float
    failed: int


def run(proxy: Running, load: Load) -> Sample:
    """Run wrk on a proxy."""
    threads = min(2, load.connections)
    command = ["wrk", f"-t{threads}", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", "10s"]
    command += ["-s", str(_SCRIPT), f"{proxy.url}{load.path}"]
    command += ["--", load.argument] if load.argument else []
    before = cpu_seconds(proxy.pids)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    used = cpu_seconds(proxy.pids) - before
    figures = {name: int(value) for name, value in _FIGURES.findall(done.stdout.rpartition("figures ")[2])}
    answered = figures["requests"]
    if not answered:
        raise RuntimeError(f"{proxy.name} answered no request: {proxy.child.log.read_text()}")
    failed = figures["failed"] + figures["refused"]
    if failed > answered / 100:
        raise RuntimeError(f"{failed} of {answered} requests of {load} to {proxy.name} failed")
    return Sample(
        cpu_us=used * 1e6 / answered,
        per_second=answered / (figures["micros"] / 1e6),
        p50_us=figures["p50"],
        p99_us=figures["p99"],
        failed=failed,
    )
