"""ip_hash gives the servers that the two well-known formulas give, reckoned here a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.operator import ADMIN, change
from tenbin.testing import Tenbin, config_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.servers import Servers

NAMES = ["server1", "server2", "server3"]
WEIGHTS = {"server1": 3, "server2": 1, "server3": 2}
SOURCES = [f"127.{a}.{b}.{c}" for a, b, c in ((0, 0, 2), (0, 0, 3), (0, 1, 2), (1, 2, 3), (9, 200, 7), (255, 0, 254))]
MANY = SOURCES + [f"127.{n * 37 % 256}.{n * 101 % 256}.{n + 1}" for n in range(24)]


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits over the address as text, as Go's hash/fnv reckons it."""
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def nginx(source: str, weights: Sequence[int]) -> int:
    """The ip_hash of nginx: the first three octets, and the remainder walks through the weights."""
    value = 89
    for octet in source.split(".")[:3]:
        value = (value * 113 + int(octet)) % 6271
    rest = value % sum(weights)
    for index, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return index
    raise AssertionError("the remainder is less than the sum")


def ask(tenbin: Tenbin, source: str) -> str:
    with tenbin.client(source=source) as client:
        return client.get("/api/whoami").server


@pytest.fixture(scope="module")
def hashed(trio: Servers) -> Iterator[dict[str, Tenbin]]:
    servers = {name: {"port": trio.port(name), "weight": weight} for name, weight in WEIGHTS.items()}
    texts = {
        form: config_text(servers, {"balance": {"ip_hash": {"form": form}}}, admin=ADMIN) for form in ("fnv1a", "nginx")
    }
    with Tenbin(texts["fnv1a"]) as one, Tenbin(texts["nginx"]) as two:
        yield {"fnv1a": one, "nginx": two}


def test_the_formulas_are_those_that_are_known() -> None:
    assert fnv1a("") == 0x811C9DC5
    assert fnv1a("a") == 0xE40C292C
    assert fnv1a("foobar") == 0xBF9CF968


def test_fnv1a(hashed: dict[str, Tenbin]) -> None:
    expected = {source: NAMES[fnv1a(source) % 3] for source in MANY}
    assert {source: ask(hashed["fnv1a"], source) for source in MANY} == expected
    assert set(expected.values()) == set(NAMES)


def test_fnv1a_counts_the_servers_that_are_left(hashed: dict[str, Tenbin]) -> None:
    change(hashed["fnv1a"], "app/server2", admin="drain")
    try:
        left = ["server1", "server3"]
        assert {source: ask(hashed["fnv1a"], source) for source in MANY} == {
            source: left[fnv1a(source) % 2] for source in MANY
        }
    finally:
        change(hashed["fnv1a"], "app/server2", admin="ready")


def test_nginx(hashed: dict[str, Tenbin]) -> None:
    expected = {source: NAMES[nginx(source, list(WEIGHTS.values()))] for source in MANY}
    assert {source: ask(hashed["nginx"], source) for source in MANY} == expected
    assert set(expected.values()) == set(NAMES)


def test_nginx_moves_only_the_clients_of_the_server_that_left(hashed: dict[str, Tenbin]) -> None:
    before = {source: ask(hashed["nginx"], source) for source in MANY}
    change(hashed["nginx"], "app/server1", admin="maint")
    try:
        after = {source: ask(hashed["nginx"], source) for source in MANY}
    finally:
        change(hashed["nginx"], "app/server1", admin="ready")
    assert "server1" not in after.values()
    assert {s: n for s, n in after.items() if before[s] != "server1"} == {
        s: n for s, n in before.items() if n != "server1"
    }
