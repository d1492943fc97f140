"""A haproxy.cfg as native YAML: what comes back means the same, and what cannot be said is told with its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile.convert import Converted, convert
from tenbin.configfile.convert.words import UnsayableError, condition, template
from tenbin.configfile.reader import examine_text, read
from tenbin.model import Fetch, Match
from tenbin.model.expression import All, Concat, Const, Convert, Not

if TYPE_CHECKING:
    from tenbin.model import Backend, Config, Expression, Rules

DATA = Path(__file__).parent / "haproxy" / "data"
PLAIN = """
global
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    timeout queue 3s
frontend web
    bind 127.0.0.1:8080
    acl is_api path_beg /api/ /v2/
    acl local src 127.0.0.0/8 ::1
    acl websocket hdr(Upgrade) -i websocket
    stick-table type ip size 100k expire 30s store http_req_rate(10s)
    tcp-request connection reject if { src 192.0.2.0/24 }
    http-request track-sc3 src
    http-request deny deny_status 429 if { sc_http_req_rate(3) gt 10 } !local
    http-request set-header X-Real-IP %[src]
    http-request redirect location https://%[req.hdr(host)]%[path] code 301 if { path_end .old }
    http-request replace-path /old/(.*) /new/\\1
    http-response set-header X-Frame-Options DENY
    use_backend api if is_api || websocket
    default_backend app
backend app
    balance roundrobin
    cookie SERVERID insert indirect nocache
    option httpchk GET /health
    http-check expect status 200
    server one 127.0.0.1:9001 check cookie a weight 10
    server two 127.0.0.1:9002 check cookie b weight 20 maxconn 100
    server spare 127.0.0.1:9003 backup check cookie c
backend api
    balance leastconn
    server three 127.0.0.1:9004
"""


def both(text: str) -> tuple[Config, Config, Converted]:
    """A configuration in HAProxy's language, and what the YAML made of it is read as."""
    outcome = examine_text(text, "haproxy.cfg", environment={}, directory=DATA)
    assert outcome.config is not None, outcome.diagnostics
    written = convert(outcome.config, outcome.report, directory=DATA)
    return outcome.config, read(written.text, "tenbin.yaml", environment={}, directory=DATA), written


def test_what_can_be_said_comes_back_as_it_was() -> None:
    before, after, written = both(PLAIN)
    assert written.left_out == ()
    (one,), (other,) = before.frontends, after.frontends
    assert other == replace(
        one,
        listeners=tuple(
            replace(listener, position=other.listeners[0].position, number=0) for listener in one.listeners
        ),
        rules=other.rules,
        routes=other.routes,
        log=None,
        number=0,
    )
    assert acts(other.rules) == acts(one.rules)
    assert [route.action for route in other.routes] == [route.action for route in one.routes]
    assert [replace(table, position="") for table in before.tables] == [
        replace(table, position="") for table in after.tables
    ]
    for app, again in zip(before.backends, after.backends, strict=True):
        assert [server.address for server in app.servers] == [server.address for server in again.servers]
        assert (app.sticky, app.connect, app.server, app.queue) == (
            again.sticky,
            again.connect,
            again.server,
            again.queue,
        )
        assert shares(app) == shares(again)


@pytest.mark.parametrize("name", ["serf", "postgresql"])
def test_known_files_can_be_used_when_they_are_converted(name: str) -> None:
    text = (DATA / f"{name}.cfg").read_text(encoding="utf-8")
    before, after, written = both(text)
    assert [one.name for one in before.frontends] == [one.name for one in after.frontends]
    assert all(line.startswith("haproxy.cfg:") for line in written.left_out)


def test_what_cannot_be_said_is_told_with_its_line_and_reason() -> None:
    before, after, written = both(
        PLAIN.replace("http-request set-header X-Real-IP %[src]", "http-request set-header X-Real-IP %[unique-id]")
    )
    (told,) = written.left_out
    assert told.startswith("haproxy.cfg:20: ")
    assert "unique-id" in told
    assert f"#   {told}" in written.text
    assert len(after.frontends[0].rules.request) == len(before.frontends[0].rules.request) - 1


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Match("beg", Fetch("path"), ("/a", "/b"), each=True), 'path.startswith(("/a", "/b"))'),
        (Not(Match("eq", Fetch("method"), ("GET",), each=True)), 'not (method == "GET")'),
        (Match("ip", Fetch("source"), ("10.0.0.0/8",), each=True), 'source in "10.0.0.0/8"'),
        (Match("int", Fetch("be_conn", ("app",)), ("11:",), each=True), 'be_conn("app") >= 11'),
        (
            Match("sub", Fetch("req.hdr", ("accept",)), ("html",), ignore_case=True, each=True),
            'fits(req.hdr("accept"), "sub -i", "html")',
        ),
        (
            All((Fetch("tls"), Match("eq", Convert("lower", Fetch("host")), ("a",), each=True))),
            'tls and fits(host.lower(), "eq", "a")',
        ),
    ],
)
def test_conditions_are_written_in_python(tree: Expression, text: str) -> None:
    assert condition(tree) == text


def test_texts_keep_their_braces() -> None:
    assert template(Concat((Const("{"), Fetch("path"), Const("}")))) == "{{{path}}}"


def test_a_sample_without_a_name_here_is_refused() -> None:
    with pytest.raises(UnsayableError, match="no_such"):
        condition(Match("eq", Fetch("no_such"), ("x",), each=True))


def acts(rules: Rules) -> list[object]:
    return [
        [(rule.act.verb, rule.act.name, rule.act.number, rule.act.pattern, rule.when is None) for rule in phase]
        for phase in (rules.connection, rules.session, rules.content, rules.request, rules.answer, rules.after)
    ]


def shares(backend: Backend) -> list[object]:
    return [
        (server.name, server.weight, server.backup, server.max_connections, server.cookie if backend.sticky else "")
        for server in backend.servers
    ]
