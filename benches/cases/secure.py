"""TLS: handshakes, full and resumed, and requests over connections that are kept."""

from functools import partial

from harness.figures import Row
from harness.load import Load
from harness.programs import handshakes, sampled_row
from harness.rounds import load_row, warm

from cases.bench import Bench

KEEP_ALIVE = "HTTPS 128 B, {} connections"
_KINDS = {False: "TLS 1.3, full handshakes", True: "TLS 1.3, resumed handshakes"}
_BULK = "HTTPS 1 MiB, 32 connections"
CASES = (*_KINDS.values(), _BULK)
_AT_ONCE = 8


def measure_handshakes(bench: Bench) -> list[Row]:
    """Nothing is asked for on a connection."""
    program = bench.yard.programs.handshakes
    with bench.all_encrypted() as proxies:
        warm(proxies)
        return [
            sampled_row(
                case,
                "CPU µs/handshake",
                proxies,
                bench.rounds,
                partial(handshakes, program, connections=_AT_ONCE, seconds=bench.seconds, resumed=resumed),
            )
            for resumed, case in _KINDS.items()
        ]


def measure_requests(bench: Bench) -> list[Row]:
    """HTTP/1.1 over TLS 1.3, as wrk speaks it."""
    loads = [(KEEP_ALIVE.format(count), Load(count, bench.seconds)) for count in (32, 256)]
    loads.append((_BULK, Load(32, bench.seconds, "/1m")))
    with bench.all_encrypted() as proxies:
        warm(proxies)
        return [load_row(case, proxies, bench.rounds, load) for case, load in loads]
