"""Requests are spread as promised: evenly, and by weight."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from support.traffic import get_bytes, parallel, sequential
from tenbin.testing import chi_square, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers


def test_1000_sequential_requests_are_500_each(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    counts = Counter(sequential(tenbin.address, 1000))
    assert abs(counts["server1"] - 500) <= 10, counts
    assert abs(counts["server2"] - 500) <= 10, counts
    for name in ("server1", "server2"):
        wait_for(lambda name=name: tenbin.server(f"app/{name}")["traffic"]["requests"] == counts[name], 5)


def test_1000_sequential_connections_are_500_each(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    counts = Counter(sequential(tenbin.address, 1000, keep_alive=False))
    assert abs(counts["server1"] - 500) <= 10, counts


def test_1000_parallel_requests_are_even(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    answers = parallel(tenbin.address, [get_bytes()] * 1000)
    assert {answer.status for answer in answers} == {200}
    counts = Counter(answer.server for answer in answers)
    assert chi_square(counts, ["server1", "server2"]) < 3.841, counts


def test_weights_5_3_2_are_exact_in_every_ten(start_tenbin: StartTenbin, trio: Servers) -> None:
    weights = {"server1": 5, "server2": 3, "server3": 2}
    servers = {name: {"port": trio.port(name), "weight": weight} for name, weight in weights.items()}
    tenbin = start_tenbin(config_text(servers))
    order = sequential(tenbin.address, 100)
    for start in range(0, 100, 10):
        assert Counter(order[start : start + 10]) == weights, order
