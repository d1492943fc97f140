"""Rounds: each proxy in turn, the order rotated, so that what the machine does meanwhile falls on all of them."""

from collections.abc import Callable, Sequence

from harness.figures import Figure, Row
from harness.load import Load, Sample, run
from harness.proxies import Running


def rotated(proxies: Sequence[Running], rounds: int) -> list[Running]:
    """Return the order in which proxies are measured: `rounds` times all of them, each round begun by another."""
    count = len(proxies)
    return [proxies[(start + i) % count] for start in range(rounds) for i in range(count)]


def alternate(proxies: Sequence[Running], rounds: int, measure: Callable[[Running], float]) -> dict[str, Figure]:
    """Measure every proxy once a round."""
    seen: dict[str, list[float]] = {proxy.name: [] for proxy in proxies}
    for proxy in rotated(proxies, rounds):
        seen[proxy.name].append(measure(proxy))
    return {name: Figure(tuple(values)) for name, values in seen.items()}


def warm(proxies: Sequence[Running]) -> None:
    """A second of load that does not count: programs and server connections are there afterwards."""
    for proxy in proxies:
        run(proxy, Load(64, 1))


def load_row(case: str, proxies: Sequence[Running], rounds: int, load: Load) -> Row:
    """CPU per request of every proxy under one load."""
    samples: dict[str, list[Sample]] = {proxy.name: [] for proxy in proxies}
    for proxy in rotated(proxies, rounds):
        samples[proxy.name].append(run(proxy, load))
    figures = {name: _figure(of) for name, of in samples.items()}
    return Row(case, "CPU µs/request", figures)


def _figure(samples: Sequence[Sample]) -> Figure:
    return Figure(
        tuple(sample.cpu_us for sample in samples),
        {
            "p50_us": tuple(sample.p50_us for sample in samples),
            "p99_us": tuple(sample.p99_us for sample in samples),
            "per_second": tuple(sample.per_second for sample in samples),
            "failed": tuple(sample.failed for sample in samples),
        },
    )
