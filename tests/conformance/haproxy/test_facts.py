"""No fact of HAProxy's language is empty without a word: each has a value, or the report says that it never has."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from support import announce
from support.certificates import make_certificate, trusting
from support.runtime_api import tenbin_on
from tenbin.clock import SystemClock
from tenbin.configfile.expression.known import known
from tenbin.configfile.haproxy.phrases import aliases
from tenbin.testing import lease

if TYPE_CHECKING:
    import ssl

NATIVE = re.compile(r"alpn|sni|tls(\..*)?|host|source(_port)?|server|scheme|http_version|port|raw_host")
"""Words of the native language."""
ELSEWHERE = re.compile(r"(req|res)\.ssl_.*|res\.body.*|ssl_fc_err_str")
"""First bytes of TLS that is not ended here, bodies that rules have waited for, and errors of handshakes that fail."""


OPTIONAL = {
    "accept_date",
    "request_date",
    "ssl_c_s_dn",
    "ssl_c_i_dn",
    "ssl_f_s_dn",
    "ssl_f_i_dn",
    "ssl_s_s_dn",
    "ssl_s_i_dn",
}
"""Those that may do without their arguments."""


def _facts(phase: str) -> list[str]:
    without = (NATIVE, ELSEWHERE, aliases.FOREIGN)
    return sorted(
        name
        for name, about in known().fetches.items()
        if (not about.args or name in OPTIONAL) and not about.empty and phase in about.phases
        if not any(pattern.fullmatch(name) for pattern in without)
    )


FACTS, EARLY = _facts("log"), [name for name in _facts("session") if not name.startswith("log.")]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the lines of a request and of a connection say: over TLS on both sides, behind a PROXY header."""
    folder = tmp_path_factory.mktemp("facts")
    authority = make_certificate(folder / "ca.pem", common_name="Authority")
    own = make_certificate(folder / "own.pem", authority=authority)
    jane = make_certificate(folder / "jane.pem", common_name="jane", names=("jane",), authority=authority)
    with lease(3) as ports, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(20)
        web, carried, behind = ports.ports
        config = f"""
global
  log 127.0.0.1:{sink.getsockname()[1]} len 65000 format raw local0
  stats socket {{socket}} level admin
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:{web} accept-proxy name door ssl crt {own} ca-file {authority} verify required
  log global
  unique-id-format %ci
  compression algo gzip
  log-format "http|{_format(FACTS)}"
  http-request capture hdr(host) len 10
  default_backend app
backend app
  server s1 127.0.0.1:{behind} ssl verify none
listen carried
  mode tcp
  bind 127.0.0.1:{carried} accept-proxy name door ssl crt {own} ca-file {authority} verify required
  log global
  log-format "tcp|{_format(EARLY)}"
  server s1 127.0.0.1:{behind} ssl verify none
frontend behind
  bind 127.0.0.1:{behind} ssl crt {own}
  http-request return status 200 content-type text/plain string hello
"""
        with tenbin_on(config, folder):
            context = trusting(authority, "http/1.1", identity=jane)
            context.check_hostname = False
            for port in (web, carried):
                _ask(port, context)
            told = [sink.recv(65536).decode() for _ in range(2)]
    return {mode: dict(part.partition("=")[::2] for part in rest) for mode, *rest in (one.split("|") for one in told)}


def _format(names: list[str]) -> str:
    binary = {name for name in names if known().fetches[name].kind == "bin"}
    return "|".join(f"{name}=%[{name}{',hex' if name in binary else ''}]" for name in names)


def _ask(port: int, context: ssl.SSLContext) -> None:
    tlvs = {announce.AUTHORITY: b"a.test", announce.UNIQUE_ID: b"one"}
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        plain.sendall(announce.v2(("192.0.2.1", 1000), ("192.0.2.2", 80), tlvs))
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            secured.sendall(
                b"POST /path?a=b HTTP/1.1\r\nHost: localhost:80\r\nAccept-Encoding: gzip\r\nCookie: a=b\r\n"
                b"Authorization: Basic YTpi\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
            )
            while secured.recv(65536):
                pass


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_of_requests_has_a_value(lines: dict[str, dict[str, str]], name: str) -> None:
    assert lines["http"][name] not in ("", "-")


@pytest.mark.parametrize("name", EARLY)
def test_a_fact_of_connections_has_a_value_in_mode_tcp(lines: dict[str, dict[str, str]], name: str) -> None:
    assert lines["tcp"][name] not in ("", "-")


@pytest.mark.parametrize(("mode", "name"), [("http", "accept_date"), ("http", "request_date"), ("tcp", "accept_date")])
def test_dates_are_seconds_since_1970(lines: dict[str, dict[str, str]], mode: str, name: str) -> None:
    assert abs(int(lines[mode][name]) - SystemClock().wall().timestamp()) < 300
