"""Hashing on any part of a request, with every method; and what happens to keys when a server leaves."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from support.operator import ADMIN, change
from support.traffic import spread
from tenbin.testing import Tenbin, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers

METHODS = ["modulo", "consistent", "maglev"]
KEYS = {"header": 'header("x-key")', "param": 'param("key")', "path": "path", "cookie": 'cookie("key").lower()'}
USERS = [f"user{i}" for i in range(60)]


@pytest.fixture(scope="module")
def hashing(trio: Servers) -> Iterator[Tenbin]:
    """A backend for each method and key, chosen by the host."""
    servers = {name: f"127.0.0.1:{port}" for name, port in trio.ports.items()}
    balances: dict[str, object] = {
        f"{method}-{kind}": {"hash": {"key": key, "method": method}} for method in METHODS for kind, key in KEYS.items()
    }
    balances["bounded"] = {"hash": {"key": 'header("x-key")', "load_factor": 125}}
    routes = [{"host": f"{name}.test", "backend": name} for name in balances]
    value = {
        "frontends": {"web": {"listen": "{listen}", "routes": [*routes, {"backend": "plain"}]}},
        "backends": {
            **{name: {"balance": balance, "servers": servers} for name, balance in balances.items()},
            "plain": {"servers": dict(list(servers.items())[:2])},
        },
        "admin": ADMIN,
    }
    with Tenbin(yaml.safe_dump(value, sort_keys=False)) as tenbin:
        yield tenbin


def ask(tenbin: Tenbin, backend: str, users: list[str]) -> dict[str, str]:
    """Ask as every user, with the user's name wherever a key may be."""
    got = {}
    with tenbin.client() as client:
        for user in users:
            headers = (("Host", f"{backend}.test"), ("X-Key", user), ("Cookie", f"a=b; key={user.upper()}"))
            got[user] = client.get(f"/{user}?key={user}", *headers).server
    return got


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("method", METHODS)
def test_a_key_has_its_server(hashing: Tenbin, method: str, kind: str) -> None:
    first = ask(hashing, f"{method}-{kind}", USERS)
    assert ask(hashing, f"{method}-{kind}", USERS[::-1]) == first
    assert min(Counter(first.values()).values()) >= 8, Counter(first.values())


@pytest.mark.parametrize(("method", "most"), [("modulo", 60), ("consistent", 0), ("maglev", 8)])
def test_keys_move_when_a_server_leaves_and_return_with_it(hashing: Tenbin, method: str, most: int) -> None:
    backend = f"{method}-header"
    before = ask(hashing, backend, USERS)
    change(hashing, f"{backend}/server2", admin="maint")
    assert "server2" not in ask(hashing, backend, USERS).values(), "at once"

    def moved() -> list[str]:
        now = ask(hashing, backend, USERS)
        return [user for user in USERS if before[user] not in (now[user], "server2")]

    wait_for(lambda: len(moved()) <= most, 3, lambda: str(moved()))
    if method == "modulo":
        assert len(moved()) > 10, "a remainder moves most keys"
    change(hashing, f"{backend}/server2", admin="ready")
    wait_for(lambda: ask(hashing, backend, USERS) == before, 3)


def test_without_load_a_bound_changes_nothing(hashing: Tenbin) -> None:
    assert ask(hashing, "bounded", USERS) == ask(hashing, "consistent-header", USERS)


def test_a_request_without_the_key_is_served(hashing: Tenbin) -> None:
    for kind in ("header", "param", "cookie"):
        assert hashing.get("/api/whoami", ("Host", f"consistent-{kind}.test")).status == 200


@pytest.mark.parametrize(("one", "two"), [(0, 1), (256, 64), (3, 1), (1, 0), (1, 1)])
def test_weights_from_0_to_256_change_live(hashing: Tenbin, one: int, two: int) -> None:
    change(hashing, "plain/server1", weight=one)
    change(hashing, "plain/server2", weight=two)
    counts = spread(hashing.address, 40)
    # What had turned under the old weights may cost one request.
    assert abs(counts["server1"] - 40 * one / (one + two)) <= min(one, two, 1), counts
