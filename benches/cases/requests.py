"""Requests: keep-alive at three concurrencies, three sizes of answers, new connections, and TCP mode."""

from harness.figures import Row
from harness.load import Load
from harness.rounds import load_row, warm

from cases.bench import Bench

KEEP_ALIVE = "HTTP 128 B, {} connections"


def measure_http(bench: Bench) -> list[Row]:
    """HTTP mode."""
    seconds = bench.seconds
    loads = [(KEEP_ALIVE.format(count), Load(count, seconds)) for count in (1, 32, 256)]
    loads += [
        ("HTTP 16 KiB, 32 connections", Load(32, seconds, "/16k")),
        ("HTTP 1 MiB, 32 connections", Load(32, seconds, "/1m")),
        ("HTTP 128 B, a new connection a request, 32 at once", Load(32, seconds, argument="close")),
    ]
    with bench.all_proxies() as proxies:
        warm(proxies)
        return [load_row(case, proxies, bench.rounds, load) for case, load in loads]


def measure_tcp(bench: Bench) -> list[Row]:
    """TCP mode: the same requests, which no proxy looks into."""
    with bench.all_proxies("tcp") as proxies:
        warm(proxies)
        return [load_row("TCP, requests of 128 B, 32 connections", proxies, bench.rounds, Load(32, bench.seconds))]
