"""`python benches/run.py`: Tenbin beside HAProxy, nginx and a bare relay on this machine, in one run.

Builds the release programs, runs every case, prints a table, and writes benches/results/latest.md and latest.json.
`--quick` takes less than three minutes and shows whether something is far off; `--only NAME` runs one group.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cases import apply, bulk, growth, idle, multiplexed, requests, rules, secure, start
from cases.bench import Bench
from harness.clock import now
from harness.figures import Row
from harness.goals import Cases, judge
from harness.machine import facts
from harness.proxies import DESCRIPTORS, Programs, Yard, find_programs
from harness.report import line, markdown, save
from harness.servers import serve

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benches" / "results"

GROUPS: dict[str, Callable[[Bench], list[Row]]] = {
    "http": requests.measure_http,
    "tcp": requests.measure_tcp,
    "handshakes": secure.measure_handshakes,
    "https": secure.measure_requests,
    "http2": multiplexed.measure,
    "bulk": bulk.measure,
    "idle": idle.measure,
    "start": start.measure,
    "servers": growth.measure_servers,
    "routes": growth.measure_routes,
    "use_backend": growth.measure_use_backend,
    "rules": rules.measure,
    "apply": apply.measure,
}

GOALS = Cases(
    keep_alive=[requests.KEEP_ALIVE.format(count) for count in (32, 256)],
    bulk=bulk.CASE,
    https=[secure.KEEP_ALIVE.format(count) for count in (32, 256)],
    others=[*secure.CASES, *multiplexed.CASES],
    rules=rules.CASES,
    idle=[idle.CASE.format(count) for count in (2000, 8000)],
    idle_tls=idle.TLS.format(2000),
    start=start.CASE,
    growth=[
        [growth.SERVERS_HASHED.format(count) for count in growth.COUNTS],
        [growth.SERVERS_IN_TURN.format(count) for count in growth.COUNTS],
        [growth.ROUTES_BY_PATH.format(count) for count in growth.ROUTES],
        [growth.ROUTES_BY_HOST.format(count) for count in growth.ROUTES],
        [growth.RULES_BY_HOST.format(count) for count in growth.RULES],
    ],
    apply=apply.CASE,
    waits=(apply.PAUSE, apply.QUIET),
)


def main() -> int:
    """Run what the command line asks for."""
    options = _options()
    if shutil.which("wrk") is None:
        print("wrk makes the load and is not installed (Debian: apt-get install wrk)", file=sys.stderr)
        return 1
    programs = _programs(build=not options.no_build)
    if programs.nginx is None:
        print("nginx serves behind the proxies and is not installed (Debian: apt-get install nginx)", file=sys.stderr)
        return 1
    _raise_descriptors()
    machine = facts(programs)
    begin = now()
    with tempfile.TemporaryDirectory(prefix="tenbin-bench-") as folder:
        # Started by root, nginx reads files as another user.
        Path(folder).chmod(0o755)
        yard = Yard(programs, Path(folder))
        with serve(programs, Path(folder) / "servers") as port:
            rows = _measure(Bench(yard, port, options.quick), options.only or list(GROUPS))
    machine["took"] = f"{now() - begin:.0f} s"
    notes = [note for mode in ("http", "tcp") for name in ("haproxy", "nginx") if (note := yard.missing(name, mode))]
    goals = judge(rows, GOALS)
    report = markdown(machine, rows, goals, list(dict.fromkeys(notes)))
    print(report)
    if options.quick or options.only:
        save(RESULTS / "tmp", report, machine, rows, goals)
    else:
        save(RESULTS, report, machine, rows, goals)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Tenbin beside HAProxy, nginx and a bare relay.")
    parser.add_argument("--quick", action="store_true", help="short rounds, less than three minutes in all")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="only this group; may be repeated")
    parser.add_argument("--no-build", action="store_true", help="measure what was built before")
    return parser.parse_args()


def _measure(bench: Bench, groups: list[str]) -> list[Row]:
    rows: list[Row] = []
    for group in groups:
        for row in GROUPS[group](bench):
            print(line(row), file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def _programs(*, build: bool) -> Programs:
    if build:
        subprocess.run(
            [
                "cargo",
                "build",
                "--release",
                "--locked",
                "-p",
                "tenbin-dataplane",
                "-p",
                "bare-relay",
                "-p",
                "handshakes",
            ],
            cwd=ROOT,
            check=True,
        )
    return find_programs(_target_directory() / "release")


def _target_directory() -> Path:
    named = os.environ.get("CARGO_TARGET_DIR")
    if named:
        return ROOT / named
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["target_directory"])


def _raise_descriptors() -> None:
    """What is started inherits it: every program has the same number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
