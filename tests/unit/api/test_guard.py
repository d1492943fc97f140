"""Requests that were not meant for this API, and bodies that are too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.api import Limits
from tenbin.api.origin import host_allowed, origin_allowed
from unit.api.running import BEARER, JSON, Running, head, running, whole

if TYPE_CHECKING:
    import socket
    from pathlib import Path


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8404", True),
        ("localhost.:1", True),
        ("127.0.0.1:8404", True),
        ("127.8.8.8", True),
        ("[::1]:8404", True),
        ("10.0.0.5:8404", True),
        ("lb.example:8404", True),
        ("LB.example", True),
        ("tenbin.cluster.local:8404", True),
        ("cluster.local", False),
        ("evilcluster.local", False),
        ("10.0.0.6", False),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.nip.io", False),
        ("evil.example:127.0.0.1", False),
        ("user@localhost", False),
        ("localhost/evil", False),
        ("localhost:80x", False),
        ("[::1", False),
        ("", False),
        (":8404", False),
    ],
)
def test_host_names_this_machine(host: str, allowed: bool) -> None:
    assert host_allowed(host, local="10.0.0.5", configured=["lb.example", "*.cluster.local"]) is allowed


def test_an_address_reached_over_ipv6_is_the_same() -> None:
    assert host_allowed("10.0.0.5", local="::ffff:10.0.0.5", configured=[""])
    assert not host_allowed("", local="10.0.0.5", configured=[""])


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:8404", True),
        ("http://127.0.0.1:3000", True),
        ("https://10.0.0.5", True),
        ("null", False),
        ("http://evil.example", False),
        ("file://localhost", False),
        ("localhost", False),
        ("http://[", False),
    ],
)
def test_origin_is_the_api_itself(origin: str, allowed: bool) -> None:
    assert origin_allowed(origin, local="10.0.0.5", configured=[]) is allowed


def test_a_page_that_rebinds_its_name_reads_nothing(api: Running) -> None:
    answer = api.ask("GET", "/api/v1/status", headers={"Host": "evil.example:8404"})
    assert answer.status == 403
    assert "admin" in str(answer.json()["hint"])


def test_a_page_of_another_origin_changes_nothing(api: Running) -> None:
    for origin in ("http://evil.example", "null"):
        assert api.ask("POST", "/api/v1/stop", b"{}", {**BEARER, "Origin": origin}).status == 403
    assert not api.process.stops
    own = f"http://127.0.0.1:{api.port}"
    assert api.ask("POST", "/api/v1/stop", b"{}", {**BEARER, "Origin": own}).status == 202


def test_two_hosts_are_one_too_many(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("unix", [False, True])
def test_a_big_body_is_refused_and_its_sender_can_read_why(api: Running, unix: bool) -> None:
    answer = api.ask("POST", "/api/v1/reload", b" " * 10_000_000, BEARER, unix=unix)
    assert answer.status == 413
    assert "65536" in str(answer.json()["error"])
    assert api.ask("POST", "/api/v1/reload", b" " * 65_536, BEARER, unix=unix).status == 200


def test_a_big_body_without_a_length_is_refused_too(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall(head(b"Transfer-Encoding: chunked"))
        for _ in range(5):
            connection.sendall(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_an_endless_body_ends(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall(head(b"Content-Length: 999999999"))
        assert sent_before_the_end(connection) < 1000
    assert api.ask("GET", "/healthz").status == 200


def test_a_slow_body_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(body_time=0.2)) as api, api.raw() as connection:
        connection.sendall(head(b"Content-Length: 5") + b"{")
        assert whole(connection).startswith(b"HTTP/1.1 408")


def test_the_unix_socket_asks_for_neither_host_nor_token(api: Running) -> None:
    headers = {**JSON, "Host": "whatever", "Origin": "null"}
    assert api.ask("POST", "/api/v1/stop", b"{}", headers, unix=True).status == 202


def sent_before_the_end(connection: socket.socket) -> int:
    """Send 64 KiB a time until the other side has had enough."""
    for count in range(1000):
        try:
            connection.sendall(b" " * 65_536)
        except OSError:
            return count
    return 1000
