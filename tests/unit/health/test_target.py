"""Which way a check goes: the server's, unless the check says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile import read
from tenbin.health.target import Target, way
from tenbin.model import Address, Health, Protocol, SendProxy, ServerId

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.health.target import Way


def ways(directory: Path, check: str, servers: str, settings: str = "") -> list[Way]:
    """What a check comes to for each server of a backend."""
    text = f'listen: ":8080"\nbackends: {{app: {{servers: [{servers}], check: {check}{settings}}}}}\n'
    backend = read(text, "tenbin.yaml", environment={}, directory=directory).backends[0]
    assert backend.check is not None
    return [way(backend.check, server, backend.protocol) for server in backend.servers]


SECURE = ", tls: {versions: '1.3'}, protocol: http2, send_proxy: v2"
SERVERS = '"app.internal:443", "10.0.0.1:443", {address: "10.0.0.2:80", tls: false, send_proxy: false}'


@pytest.mark.parametrize("check", ["tcp", "http", "grpc", "{http: /, rise: 1}"])
def test_a_check_goes_as_requests_do(tmp_path: Path, check: str) -> None:
    named, numbered, plain = ways(tmp_path, check, SERVERS, SECURE)
    assert named.tls
    assert numbered.tls
    assert (named.tls.sni, named.tls.suite.versions, numbered.tls.sni) == ("app.internal", ("1.3",), "")
    assert (named.send_proxy, named.protocol) == (SendProxy(2, tls=False), Protocol.HTTP2)
    assert (plain.tls, plain.send_proxy, plain.protocol) == (None, None, Protocol.HTTP2)


@pytest.mark.parametrize("check", ["{http: /, port: 9000}", "{http: /, address: 10.0.0.9}", "{tcp: true, port: 9000}"])
def test_elsewhere_a_check_is_plain(tmp_path: Path, check: str) -> None:
    for one in ways(tmp_path, check, SERVERS, SECURE):
        assert (one.tls, one.send_proxy, one.protocol) == (None, None, Protocol.HTTP1)


def test_a_check_may_say_it_all_itself(tmp_path: Path) -> None:
    check = "{http: /, port: 9000, tls: {sni: check.example}, send_proxy: v1, protocol: auto}"
    for one in ways(tmp_path, check, SERVERS, SECURE):
        assert one.tls
        assert (one.tls.sni, one.tls.suite.versions) == ("check.example", ())
        assert (one.send_proxy, one.protocol) == (SendProxy(1, tls=False), Protocol.AUTO)
    for one in ways(tmp_path, "{http: /, tls: false, send_proxy: false, protocol: http1}", SERVERS, SECURE):
        assert (one.tls, one.send_proxy, one.protocol) == (None, None, Protocol.HTTP1)


def test_tls_true_means_the_servers_settings_where_there_are_some(tmp_path: Path) -> None:
    named, _, plain = ways(tmp_path, "{http: /, port: 8443, tls: true}", SERVERS, SECURE)
    assert named.tls
    assert (named.tls.sni, named.tls.suite.versions, plain.tls) == ("app.internal", ("1.3",), None)
    (fresh,) = ways(tmp_path, "{http: /, tls: true}", '"app.internal:80"')
    assert fresh.tls
    assert (fresh.tls.verify, fresh.tls.ca, fresh.tls.sni) == (True, "", "app.internal")


def test_the_name_is_that_of_who_is_met(tmp_path: Path) -> None:
    (other,) = ways(tmp_path, "{http: /, address: check.example, tls: {verify: true}}", '"app.internal:80"')
    (number,) = ways(tmp_path, "{http: /, address: 10.0.0.9, tls: {verify: true}}", '"app.internal:80"')
    assert other.tls
    assert number.tls
    assert (other.tls.sni, number.tls.sni) == ("check.example", "")


@pytest.mark.parametrize(
    ("name", "port", "authority"),
    [("app.example", 443, "app.example"), ("app.example", 8443, "app.example:8443"), ("", 8443, "[::1]:8443")],
)
def test_host_is_the_name_that_is_asked_for(tmp_path: Path, name: str, port: int, authority: str) -> None:
    text = 'listen: ":8080"\nbackends: {app: {tls: true, check: http, servers: ["[::1]:1"]}}\n'
    backend = read(text, "tenbin.yaml", environment={}, directory=tmp_path).backends[0]
    assert backend.check
    found = way(backend.check, backend.servers[0], backend.protocol)
    assert found.tls
    found = replace(found, tls=replace(found.tls, sni=name))
    where = Address("::1", port)
    assert Target(ServerId("app", "s1"), where, backend.check, Health.UNKNOWN, found).authority == authority
    bare = Target(ServerId("app", "s1"), where, backend.check, Health.UNKNOWN)
    assert bare.authority == str(where)
