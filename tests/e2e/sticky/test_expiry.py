"""Cookies that grow old, and what each kind of memory does with a server that drains or goes down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from support.operator import ADMIN, change
from tenbin.clock import SystemClock
from tenbin.testing import Tenbin, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers
    from tenbin.testing import Response

CLOCK = SystemClock()

KINDS: dict[str, dict[str, object]] = {
    "idle": {"cookie": "C", "max_idle": "2s"},
    "life": {"cookie": "C", "max_life": "2s", "max_idle": "2s"},
    "named": {"cookie": "C", "plain": True, "attributes": ["Path=/app", "Secure", "Max-Age=60"]},
    "signed": {"cookie": "C"},
    "other": {"cookie": "C"},
    "header": {"header": "x-user"},
    "header-leave": {"header": "x-user", "on_drain": "leave"},
    "param": {"param": "user", "expire": "1s"},
    "source": {"source": {"expire": "10m", "size": 1000}},
    "source-leave": {"source": True, "on_drain": "leave"},
    "key": {"key": 'cookie("user").lower()'},
}
COOKIES = ["idle", "life", "named", "signed"]
TABLES = ["header", "source", "key"]


@pytest.fixture(scope="module")
def sticking(trio: Servers) -> Iterator[Tenbin]:
    """A backend for each way to remember, chosen by the host."""
    servers = {name: {"address": f"127.0.0.1:{port}", "cookie": f"at-{name}"} for name, port in trio.ports.items()}
    routes = [{"host": f"{name}.test", "backend": name} for name in KINDS]
    value = {
        "frontends": {"web": {"listen": "{listen}", "routes": routes}},
        "backends": {name: {"sticky": sticky, "servers": servers} for name, sticky in KINDS.items()},
        "admin": ADMIN,
    }
    with Tenbin(yaml.safe_dump(value, sort_keys=False)) as tenbin:
        yield tenbin


def visit(tenbin: Tenbin, kind: str, cookie: str = "", user: str = "ann") -> Response:
    headers = (("Host", f"{kind}.test"), ("X-User", user), ("Cookie", cookie or f"user={user}"))
    return tenbin.get(f"/api/whoami?user={user}", *headers)


def cookie_of(answer: Response) -> str:
    return next((line.split(";")[0] for line in answer.all("set-cookie") if line.startswith("C=")), "")


def servers_of(tenbin: Tenbin, kind: str, cookie: str = "", user: str = "ann") -> set[str]:
    return {visit(tenbin, kind, cookie, user).server for _ in range(3)}


def test_a_cookie_that_was_not_seen_for_long_is_worth_nothing(sticking: Tenbin) -> None:
    first = visit(sticking, "idle")
    assert servers_of(sticking, "idle", cookie_of(first)) == {first.server}
    wait_for(lambda: len(servers_of(sticking, "idle", cookie_of(first))) == 3, 6)


def test_a_cookie_that_is_used_stays_good_and_its_life_is_bounded(sticking: Tenbin) -> None:
    begin = CLOCK.now()
    first = {kind: visit(sticking, kind) for kind in ("idle", "life")}
    cookies = {kind: cookie_of(answer) for kind, answer in first.items()}
    moved: dict[str, float] = {}

    def older() -> bool:
        for kind, answer in first.items():
            now = visit(sticking, kind, cookies[kind])
            cookies[kind] = cookie_of(now) or cookies[kind]
            if now.server != answer.server:
                moved.setdefault(kind, CLOCK.now() - begin)
        return CLOCK.now() - begin > 4.2

    wait_for(older, 8)
    assert list(moved) == ["life"], moved
    assert 1.9 < moved["life"] < 4.1


def test_a_plain_cookie_has_the_names_and_attributes_of_the_file(sticking: Tenbin) -> None:
    answer = visit(sticking, "named")
    assert answer.all("set-cookie") == [f"C=at-{answer.server}; Path=/app; Secure; Max-Age=60"]
    assert servers_of(sticking, "named", "C=at-server3") == {"server3"}
    assert visit(sticking, "named", "C=at-server3").all("set-cookie") == [], "it is set once"
    assert len(servers_of(sticking, "named", "C=at-nobody")) == 3


def test_a_signed_cookie_is_good_for_its_backend_alone(sticking: Tenbin) -> None:
    cookie = cookie_of(visit(sticking, "signed"))
    assert len(servers_of(sticking, "signed", cookie)) == 1
    assert len(servers_of(sticking, "other", cookie)) == 3


@pytest.mark.parametrize("place", [2, 12, 20, 30, 42])
def test_no_byte_of_a_signed_cookie_can_be_changed(sticking: Tenbin, place: int) -> None:
    cookie = cookie_of(visit(sticking, "signed"))
    other = "A" if cookie[place] != "A" else "B"
    assert len(servers_of(sticking, "signed", cookie[:place] + other + cookie[place + 1 :])) == 3


@pytest.mark.parametrize("kind", [*COOKIES[2:], *TABLES])
def test_a_drained_server_keeps_its_clients_and_gets_no_new_ones(sticking: Tenbin, kind: str) -> None:
    first = visit(sticking, kind)
    cookie = cookie_of(first)
    change(sticking, f"{kind}/{first.server}", admin="drain")
    try:
        assert servers_of(sticking, kind, cookie) == {first.server}
        if kind != "source":
            assert first.server not in {visit(sticking, kind, user=f"new{i}").server for i in range(6)}
    finally:
        change(sticking, f"{kind}/{first.server}", admin="ready")


@pytest.mark.parametrize("kind", ["header-leave", "source-leave"])
def test_clients_leave_a_drained_server_where_that_is_asked_for(sticking: Tenbin, kind: str) -> None:
    first = visit(sticking, kind)
    change(sticking, f"{kind}/{first.server}", admin="drain")
    moved = servers_of(sticking, kind)
    change(sticking, f"{kind}/{first.server}", admin="ready")
    assert len(moved) == 1
    assert first.server not in moved
    assert servers_of(sticking, kind) == moved, "they stay where they went"


@pytest.mark.parametrize("kind", ["signed", *TABLES])
def test_a_server_in_maintenance_loses_its_clients(sticking: Tenbin, kind: str) -> None:
    first = visit(sticking, kind, user="bob")
    cookie = cookie_of(first)
    change(sticking, f"{kind}/{first.server}", admin="maint")
    try:
        moved = visit(sticking, kind, cookie, "bob")
        assert moved.status == 200
        assert moved.server != first.server
        assert servers_of(sticking, kind, cookie_of(moved), "bob") == {moved.server}
    finally:
        change(sticking, f"{kind}/{first.server}", admin="ready")


def test_what_a_table_remembers_is_forgotten_in_time(sticking: Tenbin) -> None:
    first = visit(sticking, "param", user="eve")
    assert servers_of(sticking, "param", user="eve") == {first.server}
    begin = CLOCK.now()
    wait_for(lambda: CLOCK.now() - begin > 1.5 and visit(sticking, "param", user="someone"), 5)
    assert visit(sticking, "param", user="eve").server != first.server
