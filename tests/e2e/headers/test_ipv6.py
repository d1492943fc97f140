"""Clients, listeners, proxies and servers with IPv6 addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.testing import Client, Lease, Tenbin, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers
    from tenbin.testing.client import Address

CONFIG = """\
frontends:
  six: {listen: "[::1]:PORT6", trusted_proxies: ["2001:db8::/32"], routes: [{when: 'source == "::1"', backend: app}]}
  trusting: {listen: "[::1]:TRUST", trusted_proxies: ["::1"], backend: app}
  loop: {listen: "{listen}", backend: over-six}
backends:
  app: {servers: {only: "127.0.0.1:SERVER"}}
  over-six: {check: {http: GET /health, every: 200ms}, servers: {six: "[::1]:PORT6"}}
"""


@pytest.fixture(scope="module")
def six(trio: Servers) -> Iterator[tuple[Tenbin, Address, Address]]:
    with Lease(2) as own:
        text = CONFIG.replace("PORT6", str(own.ports[0])).replace("TRUST", str(own.ports[1]))
        with Tenbin(text.replace("SERVER", str(trio.port("server1")))) as tenbin:
            yield tenbin, ("::1", own.ports[0]), ("::1", own.ports[1])


def test_the_client_is_told_as_each_header_wants_it(six: tuple[Tenbin, Address, Address]) -> None:
    got = dict(
        fetch(six[1], "/echo", ("X-Forwarded-For", "2001:db8::7"), ("Host", f"[::1]:{six[1][1]}")).json()["headers"]
    )
    assert got["x-forwarded-for"] == "::1"
    assert got["x-real-ip"] == "::1"
    assert 'for="[::1]"' in got["forwarded"]
    assert got["x-forwarded-host"] == f"[::1]:{six[1][1]}"
    assert got["x-forwarded-port"] == str(six[1][1])


def test_a_trusted_proxy_is_believed(six: tuple[Tenbin, Address, Address]) -> None:
    chain = ("X-Forwarded-For", "2001:db8::9, 2001:db8::7")
    more = (
        ("X-Forwarded-Proto", "https"),
        ("X-Real-IP", "2001:db8::9"),
        ("Forwarded", 'for="[2001:db8::9]";proto=https'),
    )
    got = dict(fetch(six[2], "/echo", chain, *more).json()["headers"])
    assert got["x-forwarded-for"] == "2001:db8::9, 2001:db8::7, ::1"
    assert got["x-real-ip"] == "2001:db8::9"
    assert got["x-forwarded-proto"] == "https"
    assert got["forwarded"].startswith('for="[2001:db8::9]";proto=https, for="[::1]"')


def test_servers_and_checks_over_ipv6(six: tuple[Tenbin, Address, Address]) -> None:
    tenbin = six[0]
    tenbin.wait_health("over-six/six", "up")
    got = dict(tenbin.get("/echo").json()["headers"])
    assert got["x-forwarded-for"] == "::1", "the first hop is not trusted by the second"
    with Client(six[1]) as client:
        assert [client.get("/api/fast").status for _ in range(3)] == [200] * 3
