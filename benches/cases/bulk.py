"""Bulk: CPU time of a proxy in TCP mode for each gigabyte that goes through it."""

from harness.figures import Row
from harness.proxies import Running
from harness.rounds import alternate
from harness.stream import Source, draw
from harness.usage import cpu_seconds

from cases.bench import Bench

CASE = "TCP, bulk, 4 connections"
_CONNECTIONS = 4


def measure(bench: Bench) -> list[Row]:
    """Server to client, as much as goes."""

    def cost(proxy: Running) -> float:
        before = cpu_seconds(proxy.pids)
        moved = draw(proxy.port, _CONNECTIONS, bench.seconds)
        return (cpu_seconds(proxy.pids) - before) / (moved / 1e9)

    with Source() as source:
        bulk = Bench(bench.yard, source.port, bench.quick)
        with bulk.all_proxies("tcp") as proxies:
            return [Row(CASE, "CPU s/GB", alternate(proxies, bench.rounds, cost))]
