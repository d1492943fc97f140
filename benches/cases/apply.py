"""Apply: how long a snapshot of 10 000 servers takes, and how long the longest request waits meanwhile."""

from harness.clock import now, pause
from harness.dataplane import Dataplane, Prepared
from harness.figures import Figure, Row
from harness.probe import Probe
from harness.proxies import Scene, tenbin_text
from harness.servers import addresses

from cases.bench import Bench
from tenbin.testing import lease

SERVERS = 10_000
CASE = f"apply of {SERVERS:,} servers"
PAUSE = f"longest wait of a request, with an apply of {SERVERS:,} servers"
QUIET = "longest wait of a request, without"

_BETWEEN = 0.25


def measure(bench: Bench) -> list[Row]:
    """Snapshots in which every weight differs from the one before, while a request goes out every 2 ms."""
    times = 4 if bench.quick else 12
    folder = bench.yard.new_folder("apply")
    with lease(1) as ports:
        scene = Scene(ports.ports[0], addresses(bench.server, SERVERS))
        prepared = Prepared(tenbin_text(scene), folder)
        with Dataplane(bench.yard.programs.dataplane, folder) as child:
            child.give(prepared)
            with Probe(scene.port) as probe:
                applied, windows, quiet = [], [], []
                for turn in range(times):
                    snapshot = _changed(prepared, turn)
                    begin = now()
                    applied.append(child.apply(snapshot) * 1000)
                    pause(_BETWEEN)
                    windows.append((begin, begin + _BETWEEN))
                    begin = now()
                    pause(_BETWEEN)
                    quiet.append((begin, begin + _BETWEEN))
                seen = probe.end()
        prepared.close()
    return [
        Row(CASE, "ms", {"tenbin": Figure(tuple(applied))}),
        Row(PAUSE, "ms", {"tenbin": Figure(tuple(seen.longest(window) * 1000 for window in windows))}),
        Row(QUIET, "ms", {"tenbin": Figure(tuple(seen.longest(window) * 1000 for window in quiet))}),
    ]


def _changed(prepared: Prepared, turn: int) -> bytes:
    backend = prepared.snapshot.backends[0]
    servers = tuple(server.model_copy(update={"weight": 1 + turn % 2}) for server in backend.servers)
    update = {"generation": turn + 2, "backends": (backend.model_copy(update={"servers": servers}),)}
    return prepared.snapshot.model_copy(update=update).model_dump_json().encode()
