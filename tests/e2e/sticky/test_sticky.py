"""Clients that stay with their server: by cookie, address, header or parameter; and when they must leave it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tenbin.testing import config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Response, Tenbin

COOKIE = {"sticky": {"cookie": "SERVERID"}}


def visit(tenbin: Tenbin, cookie: str = "") -> Response:
    return tenbin.get("/api/whoami", *([("Cookie", cookie)] if cookie else []))


def cookie_of(answer: Response) -> str:
    """Return the sticky cookie that an answer sets, "" when it sets none."""
    return next((value.split(";")[0] for value in answer.all("set-cookie") if value.startswith("SERVERID=")), "")


def test_the_cookie_is_opaque_and_keeps_its_client(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.ports, COOKIE))
    first = visit(tenbin)
    cookie = cookie_of(first)
    assert cookie
    assert not re.search(r"server|127|" + str(trio.port("server1")), cookie.partition("=")[2])
    again = [visit(tenbin, f"a=b; {cookie}; c=d") for _ in range(12)]
    assert {answer.server for answer in again} == {first.server}
    attributes = next(value for value in first.all("set-cookie") if value.startswith("SERVERID=")).lower()
    assert "httponly" in attributes
    assert "path=/" in attributes


def test_a_forged_or_broken_cookie_is_as_none(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.ports, COOKIE))
    value = cookie_of(visit(tenbin))
    flipped = value[:-1] + ("A" if value[-1] != "A" else "B")
    for forged in (flipped, "SERVERID=server1", "SERVERID=", "SERVERID=" + "x" * 2000, "SERVERID=%00"):
        answers = [visit(tenbin, forged) for _ in range(6)]
        assert {answer.status for answer in answers} == {200}
        assert len({answer.server for answer in answers}) == 3, forged
        assert cookie_of(answers[0])


def test_a_plain_cookie_names_the_server(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.ports, {"sticky": {"cookie": "SERVERID", "plain": True}}))
    assert cookie_of(visit(tenbin)) == "SERVERID=server1"
    assert {visit(tenbin, "SERVERID=server2").server for _ in range(6)} == {"server2"}


@pytest.mark.parametrize(
    ("sticky", "target", "headers"),
    [
        ({"header": "x-user"}, "/api/whoami", ("X-User", "{}")),
        ({"param": "user"}, "/api/whoami?user={}", ("X-None", "0")),
    ],
)
def test_sticky_by_what_a_request_says(
    start_tenbin: StartTenbin, trio: Servers, sticky: dict[str, str], target: str, headers: tuple[str, str]
) -> None:
    tenbin = start_tenbin(config_text(trio.ports, {"sticky": sticky}))

    def server(user: str) -> str:
        return tenbin.get(target.format(user), (headers[0], headers[1].format(user))).server

    first = {user: server(user) for user in "abcdefghi"}
    assert Counter(first.values()) == {"server1": 3, "server2": 3, "server3": 3}
    assert {user: server(user) for user in "ihgfedcba"} == first


def test_sticky_by_source(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.ports, {"sticky": {"source": True}}))

    def server(last: int) -> str:
        with tenbin.client(source=f"127.0.0.{last}") as client:
            return client.get("/api/whoami").server

    first = {last: server(last) for last in range(2, 11)}
    assert set(first.values()) == {"server1", "server2", "server3"}
    assert {last: server(last) for last in range(10, 1, -1)} == first


def test_a_server_that_dies_loses_its_clients_to_another(start_tenbin: StartTenbin, servers: Servers) -> None:
    check = {"http": "GET /health", "every": "300ms", "fall": 1, "rise": 1}
    tenbin = start_tenbin(config_text(servers.some(2), {**COOKIE, "check": check}))
    first = visit(tenbin)
    cookie = cookie_of(first)
    servers.kill(first.server)
    moved = visit(tenbin, cookie)
    assert moved.status == 200
    assert moved.server != first.server
    tenbin.wait_health(f"app/{first.server}", "down")
    new = cookie_of(visit(tenbin, cookie))
    assert new
    assert new != cookie
    servers.start(first.server)
    tenbin.wait_health(f"app/{first.server}", "up")
    assert {visit(tenbin, new).server for _ in range(6)} == {moved.server}


def test_a_drained_server_keeps_its_clients(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), COOKIE))
    first = visit(tenbin)
    tenbin.run_cli("server", "drain", f"app/{first.server}")
    assert {visit(tenbin, cookie_of(first)).server for _ in range(6)} == {first.server}
    assert first.server not in {visit(tenbin).server for _ in range(6)}


def test_clients_leave_a_drained_server_when_asked_to(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"sticky": {"cookie": "SERVERID", "on_drain": "leave"}}))
    first = visit(tenbin)
    tenbin.run_cli("server", "drain", f"app/{first.server}")
    assert first.server not in {visit(tenbin, cookie_of(first)).server for _ in range(6)}


def test_cookies_hold_over_a_restart(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.ports, COOKIE))
    first = visit(tenbin)
    assert tenbin.stop() == 0
    wait_for(lambda: not tenbin.dataplane_pids(), 10)
    tenbin.start()
    assert {visit(tenbin, cookie_of(first)).server for _ in range(6)} == {first.server}
