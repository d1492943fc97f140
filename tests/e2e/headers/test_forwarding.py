"""What a server learns of the client, whom that is believed of, and what does not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import once
from tenbin.testing import Client, config_text

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Scripted
    from support.servers import Servers
    from tenbin.testing import Tenbin

SPOOFED = (
    ("X-Forwarded-For", "1.2.3.4"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-Forwarded-Port", "443"),
    ("X-Real-IP", "1.2.3.4"),
    ("Forwarded", "for=1.2.3.4;proto=https"),
)


def seen(tenbin: Tenbin, *headers: tuple[str, str], source: str = "127.0.0.1") -> dict[str, str]:
    """Return the headers that the server got; repeated ones joined."""
    with Client(tenbin.address, source=source) as client:
        pairs = client.get("/echo", *headers).json()["headers"]
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def test_the_client_is_told_to_the_server(web: Tenbin) -> None:
    got = seen(web, ("Host", "shop.test"), source="127.0.0.9")
    assert got["x-forwarded-for"] == "127.0.0.9"
    assert got["x-real-ip"] == "127.0.0.9"
    assert got["x-forwarded-proto"] == "http"
    assert got["x-forwarded-host"] == "shop.test"
    assert got["x-forwarded-port"] == str(web.address[1])
    assert "for=127.0.0.9" in got["forwarded"]
    assert "proto=http" in got["forwarded"]
    assert got["host"] == "shop.test"


def test_what_strangers_claim_is_dropped(web: Tenbin) -> None:
    got = seen(web, *SPOOFED)
    assert got["x-forwarded-for"] == "127.0.0.1"
    assert not [value for value in got.values() if "1.2.3.4" in value or "evil" in value]
    assert got["x-forwarded-proto"] == "http"


def test_trusted_proxies_are_believed(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), trusted_proxies=["127.0.0.2/32"]))
    got = seen(tenbin, *SPOOFED, source="127.0.0.2")
    assert got["x-forwarded-for"] == "1.2.3.4, 127.0.0.2"
    assert got["x-real-ip"] == "1.2.3.4"
    assert got["x-forwarded-proto"] == "https"
    assert seen(tenbin, *SPOOFED, source="127.0.0.3")["x-forwarded-for"] == "127.0.0.3"


def test_the_real_address_is_the_last_one_that_is_not_a_trusted_proxy(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), trusted_proxies=["127.0.0.2/31"]))
    listed = ("X-Forwarded-For", "6.6.6.6, 8.8.8.8, 127.0.0.3")
    assert seen(tenbin, listed, source="127.0.0.2")["x-real-ip"] == "8.8.8.8"
    assert seen(tenbin, source="127.0.0.2")["x-real-ip"] == "127.0.0.2"
    assert seen(tenbin, listed, source="127.0.0.4")["x-real-ip"] == "127.0.0.4"


@pytest.mark.parametrize(
    "headers",
    [
        [("Connection", "close, X-Hop"), ("X-Hop", "secret")],
        [("Keep-Alive", "timeout=5"), ("Connection", "keep-alive")],
        [("Proxy-Connection", "keep-alive")],
        [("TE", "gzip"), ("Connection", "TE")],
    ],
)
def test_headers_between_two_hops_do_not_pass(web: Tenbin, headers: list[tuple[str, str]]) -> None:
    with Client(web.address) as client:
        got = dict(client.request("GET", "/echo", headers).json()["headers"])
    assert not got.keys() & {"x-hop", "keep-alive", "proxy-connection"}
    assert "gzip" not in got.get("te", "")


def test_headers_of_an_answer_between_two_hops_do_not_pass(scripted: Scripted) -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: secret\r\nX-Keep: yes\r\nContent-Length: 0\r\n\r\n"
    with scripted.client(once(answer)) as client:
        got = client.get("/")
    assert got.header("x-hop") == ""
    assert got.header("x-keep") == "yes"


def test_repeated_headers_stay_apart_and_in_order(scripted: Scripted) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX: y\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n"
    with scripted.client(once(answer)) as client:
        got = client.get("/", ("X-Many", "1"), ("X-Many", "2"))
    assert got.all("set-cookie") == ["a=1", "b=2"]
    received = scripted.server.received
    assert received.lower().index(b"x-many: 1") < received.lower().index(b"x-many: 2")


@pytest.mark.parametrize("target", ["/a%2Fb", "/a//b/../c", "/a?x=%20&y", "/%e3%81%82", "/a;b=c", "*"])
def test_the_target_passes_as_it_was_written(scripted: Scripted, target: str) -> None:
    method = "OPTIONS" if target == "*" else "GET"
    with scripted.client() as client:
        assert client.request(method, target).status == 200
    assert scripted.server.received.startswith(f"{method} {target} HTTP/1.1\r\n".encode())


def test_bytes_above_ascii_in_values_pass(scripted: Scripted) -> None:
    with scripted.client(once(b"HTTP/1.1 200 OK\r\nX-Name: \xe5\xa4\xa9\r\nContent-Length: 0\r\n\r\n")) as client:
        got = client.get("/", ("X-Name", "天".encode().decode("latin-1")))
    assert got.header("x-name").encode("latin-1").decode() == "天"
    assert "天".encode() in scripted.server.received
