"""HTTP/2 of clients: one request or a hundred at a time on each connection, with TLS and without; HTTP/1 to servers."""

from functools import partial

from harness.figures import Row
from harness.programs import h2load, sampled_row
from harness.proxies import Running
from harness.rounds import rotated

from cases.bench import Bench

_CONNECTIONS = 32
_ENCRYPTED = {
    streams: f"HTTP/2 over TLS 128 B, {_CONNECTIONS} connections of {streams} streams" for streams in (1, 100)
}
_PLAIN = {streams: f"HTTP/2 128 B, {_CONNECTIONS} connections of {streams} streams" for streams in (1, 100)}
CASES = (*_ENCRYPTED.values(), *_PLAIN.values())


def measure(bench: Bench) -> list[Row]:
    """Both doors."""
    with bench.all_encrypted() as proxies:
        rows = _rows(bench, proxies, _ENCRYPTED)
    with bench.all_framed() as proxies:
        return rows + _rows(bench, proxies, _PLAIN)


def _rows(bench: Bench, proxies: list[Running], cases: dict[int, str]) -> list[Row]:
    for proxy in rotated(proxies, 1):
        h2load(proxy, _CONNECTIONS, 10, 1)
    return [
        sampled_row(
            case,
            "CPU µs/request",
            proxies,
            bench.rounds,
            partial(h2load, connections=_CONNECTIONS, streams=streams, seconds=bench.seconds),
        )
        for streams, case in cases.items()
    ]
