"""Phrases of HAProxy's language: what each becomes, and what is said of those that are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.context import Reading, Scope, Standing
from tenbin.configfile.haproxy.lexer import Line, split
from tenbin.model import Bandwidth, Const, Fetch, Mode, Rule
from unit.configfile.compact import expression, plain

if TYPE_CHECKING:
    from pathlib import Path


class Desk:
    """A reading with a frontend `web` and a backend `app`, in which phrases are tried."""

    def __init__(self, directory: Path) -> None:
        self.reading = Reading(directory, {"SITE": "example.org"}, (2, 6))
        self.web = Scope("web", "frontend", Mode.HTTP)
        self.app = Scope("app", "backend", Mode.HTTP)
        self.reading.frontends, self.reading.backends = {"web": self.web}, {"app": self.app}
        self.reading.servers = {"app": {"s1"}}
        self._number = 0

    def line(self, text: str) -> Line:
        self._number += 1
        self.reading.texts["x.cfg"] = [*self.reading.texts.get("x.cfg", ()), text]
        return split(text, "x.cfg", self._number, {})

    def acl(self, text: str) -> str:
        words = self.line(text).words
        phrases.acl(self.reading, self.web, words)
        return plain(self.web.acls.get(words[0].text))

    def condition(self, text: str, phase: str = "request") -> str:
        return plain(phrases.condition(self.reading, self.web, self.line(text).words, phase))

    def sample(self, text: str, phase: str = "request") -> str:
        return plain(phrases.sample(self.reading, self.web, self.line(text).words, phase))

    def rule(self, text: str, phase: str = "request", scope: Scope | None = None) -> Rule | None:
        return phrases.rule(self.reading, scope or self.web, phase, self.line(text).words)

    def act(self, text: str, phase: str = "request", scope: Scope | None = None) -> str:
        rule = self.rule(text, phase, scope)
        return plain(rule.act) if rule else "None"

    @property
    def told(self) -> str:
        return "\n".join(problem.message for problem in self.reading.problems)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


SAMPLES = {
    "src": "source",
    "path": "path",
    "hdr(Host)": "req.hdr('host')",
    "req.hdr(x,-1)": "req.hdr('x', -1)",
    "cook(SID)": "req.cook('SID')",
    "urlp(id)": "url_param('id')",
    "ssl_fc": "tls",
    "sc0_http_req_rate": "sc_http_req_rate(0)",
    "sc1_get_gpc0(t)": "sc_get_gpc0(1, 't')",
    "src_conn_rate": "src_conn_rate('web')",
    "nbsrv": "nbsrv('web')",
    "nbsrv(app)": "nbsrv('app')",
    "env(SITE)": "'example.org'",
    "str(a)": "'a'",
    "int(-3)": "-3",
    "bool(true)": "True",
    "path,lower": "lower(path)",
    "path,,lower": "lower(path)",
    "path lower": "lower(path)",
    "src,lower": "lower(str(source))",
    "path,field(2,/),upper": "upper(field(path, 2, '/'))",
    "\"path,field(2,','),upper\"": "upper(field(path, 2, ','))",
    r"path,field(2,\,)": "field(path, 2, ',')",
    "src,ipmask(24)": "ipmask(source, '24')",
    "date,http_date": "http_date(date)",
    "path,length,add(1)": "add(size(path), 1)",
    "path,length,add(txn.n)": "add(size(path), 'txn.n')",
    "str(a),concat(-,txn.b)": "concat('a', '-', 'txn.b')",
}


@pytest.mark.parametrize("text", SAMPLES)
def test_samples_are_read_with_their_converters(desk: Desk, text: str) -> None:
    if text == "path lower":
        assert desk.act(f"set-var(txn.a) {text}") == "Act(verb=set_var, name='txn.a', value=lower(path))"
        return
    assert desk.sample(text) == SAMPLES[text], desk.told
    assert not desk.told


WRONG_SAMPLES = {
    "pth": ("unknown fetch method 'pth'", "did you mean `path`?"),
    "source": ("unknown fetch method 'source'", ""),
    "path,lowr": ("unknown converter 'lowr'", "did you mean `lower`?"),
    "path,": ("unknown converter ''", ""),
    "req.hdr(a": ("expected ')' before ',a'", ""),
    "req.hdr(a)b": ("missing comma after 'req.hdr(a)'", ""),
    "req.hdr(a,b)": ("failed to parse 'b' as type 'integer' at position 2", ""),
    "path(a)": ("no argument supported, but got 'a'", ""),
    "path,field(1)": ("missing arguments (got 1/2)", ""),
    "path,field(1,/,2,3)": ("end of arguments expected at position 4, but got '3'", ""),
    "var(a)": ("invalid variable name 'a'", ""),
    "var(tnx.a)": ("invalid variable name 'tnx.a'", "did you mean `txn`?"),
    "status": ("sample fetch <status> may not be reliably used here", "it is known in: answer, log"),
}


@pytest.mark.parametrize("text", WRONG_SAMPLES)
def test_wrong_samples_are_refused_in_haproxys_words(desk: Desk, text: str) -> None:
    message, hint = WRONG_SAMPLES[text]
    assert desk.sample(text) == "None"
    assert message in desk.told
    assert hint in desk.reading.problems[0].diagnostic.hint


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("path", "HTTP request headers"),
        ("src", "client address"),
        ("res.hdr(a)", "HTTP response headers"),
        ("method", "HTTP request"),
        ("be_name", "backend"),
        ("ssl_fc", "client-side connection"),
        ("req.len", "request buffer"),
    ],
)
def test_a_variable_of_the_process_is_made_of_nothing_that_comes(desk: Desk, text: str, needed: str) -> None:
    assert desk.sample(text, phrases.NOWHERE) == "None"
    assert f"extracts information from '{needed}', none of which is available here" in desk.told


CONDITIONS = {
    "{ path /a /b }": "(path eq '/a' | '/b')",
    "{ path_beg -i /a }": "(path beg -i '/a')",
    "{ hdr_end(host) .org } !{ ssl_fc }": "((req.hdr('host') end '.org') and not tls)",
    "{ path /a } or { path /b } { method GET }": "((path eq '/a') or ((path eq '/b') and (method eq 'GET')))",
    "{ path /a } || METH_GET": "((path eq '/a') or (method eq 'GET' | 'HEAD'))",
    "! { path /a }": "not (path eq '/a')",
    "!! TRUE": "True",
    "{ src 10.0.0.1/8 }": "(source ip '10.0.0.0/8')",
    "{ src 127.1 }": "(source ip '127.0.0.1')",
    "{ dst_port 80 443:444 }": "(dst_port int '80' | '443:444')",
    "{ dst_port ge 1024 lt 10 }": "(dst_port int '1024:' | ':9')",
    "{ dst_port gt 5 7:9 }": "(dst_port int '6:' | '7:9')",
    "{ req.ssl_ver 3.1 }": "(req.ssl_ver int '196609')",
    "{ req.hdr(a) -m found }": "(req.hdr('a') found )",
    "{ req.hdr(a) -m len gt 3 }": "(req.hdr('a') len '4:')",
    "{ src -m beg 10. }": "(str(source) beg '10.')",
    "{ path,lower -m end .PNG }": "(lower(path) end '.PNG')",
    "{ hdr_beg(host),lower a }": "(lower(req.hdr('host')) eq 'a')",
    "{ var(txn.a) -m bool }": "(var('txn.a') bool )",
    "{ acl(!TRUE,HTTP_1.1) }": "(not True and (req.ver eq '1.1'))",
    "": "True",
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_become_trees(desk: Desk, text: str) -> None:
    assert desk.condition(f"if {text}") == CONDITIONS[text], desk.told
    assert not desk.told


WRONG_CONDITIONS = {
    "if nope": "no such ACL : 'nope'",
    "if { path /a": "missing closing '}' in condition",
    "if { }": "missing fetch method",
    "when TRUE": "expects either 'if' or 'unless' followed by a condition but found 'when'",
    "if { path -m foo a }": "unknown matching method 'foo'",
    "if { path -x }": "'-x' is not a valid ACL option",
    "if { ssl_fc -m ip ::1 }": "matching method 'ip' cannot be used with fetch keyword 'ssl_fc'",
    "if { req.body a }": "matching method must be specified first (using '-m')",
    "if { src a.example }": "'a.example' is not a valid IPv4 or IPv6 address",
    "if { dst_port x }": "'x' is neither a number nor a supported operator",
    "if { dst_port 1-2:3 }": "'1-2:3' is not a valid number range",
    "if { path_reg ( }": "regex '(' is invalid",
    "if { path_reg (?=a) }": "look-around cannot be run in linear time",
    "if { path -f nowhere.lst }": "failed to open pattern file <nowhere.lst>",
    "if { path -m bin 0 }": "'0' is not a sequence of pairs of hexadecimal digits",
}


@pytest.mark.parametrize("text", WRONG_CONDITIONS)
def test_wrong_conditions_are_refused_in_haproxys_words(desk: Desk, text: str) -> None:
    desk.condition(text)
    assert WRONG_CONDITIONS[text] in desk.told


def test_lines_of_one_acl_are_alternatives(desk: Desk) -> None:
    desk.acl("local src 10.0.0.0/8")
    assert desk.acl("local src ::1") == "((source ip '10.0.0.0/8') or (source ip '::1/128'))"
    assert desk.condition("unless local") == "not ((source ip '10.0.0.0/8') or (source ip '::1/128'))"


def test_acls_of_defaults_are_known(desk: Desk) -> None:
    desk.acl("a path /a")
    child = Scope("other", "frontend", Mode.HTTP, parent=desk.web)
    assert plain(phrases.condition(desk.reading, child, desk.line("if a").words)) == "(path eq '/a')"


def test_files_of_patterns_become_lists(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "bad.lst").write_text("# networks\n\n  10.0.0.0/8\n192.168.0.0/16\n")
    found = phrases.condition(desk.reading, desk.web, desk.line("if { src -f bad.lst 127.0.0.1 }").words)
    assert found == replace(found, lists=("bad.lst",), each=True)  # type: ignore[type-var]
    assert desk.reading.lists["bad.lst"].entries == (("10.0.0.0/8", ""), ("192.168.0.0/16", ""))
    assert desk.reading.lists["bad.lst"].stamp


def test_patterns_with_a_number_become_a_list(desk: Desk) -> None:
    found = phrases.condition(desk.reading, desk.web, desk.line("if { path -u 7 /a /b }").words)
    assert found == replace(found, lists=("#7",), patterns=())  # type: ignore[type-var]
    assert [key for key, _ in desk.reading.lists["#7"].entries] == ["/a", "/b"]


def test_maps_become_lists(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "hosts.map").write_text("a.example\tapp one \n#b x\nc.example\n")
    assert desk.sample("hdr(host),lower,map(hosts.map,none)") == "map_str(lower(req.hdr('host')), 'hosts.map', 'none')"
    found = desk.reading.lists["hosts.map"]
    assert found.is_map
    assert found.entries == (("a.example", "app one"), ("c.example", ""))


def test_a_condition_on_an_answer_has_forgotten_the_request(desk: Desk) -> None:
    assert desk.condition("if { path /a } or { status 200 }", "answer") == "(False or (status int '200'))"
    assert "will never match because it uses keyword 'path'" in desk.told


def test_an_acl_without_patterns_never_matches(desk: Desk) -> None:
    assert desk.condition("if { path }") == "False"
    assert "no pattern to match against" in desk.told
    assert not desk.reading.failed


ACTS = {
    "allow": "Act(verb=allow)",
    "deny": "Act(verb=deny, answer=Answer(status=403, body=b''))",
    "deny deny_status 429": "Act(verb=deny, answer=Answer(status=429, body=b''))",
    "tarpit": "Act(verb=tarpit, answer=Answer(status=500, body=b''))",
    "deny status 418 content-type a/b string no hdr X-A %[src]": (
        "Act(verb=deny, answer=Answer(status=418, headers=[['content-type', 'a/b'], ['X-A', (source)]], body=b'no'))"
    ),
    "return": "Act(verb=return, answer=Answer(status=200, body=b''))",
    "set-header X-A b": "Act(verb=set_header, name='X-A', value='b')",
    'set-header X-A "a %[path] b"': "Act(verb=set_header, name='X-A', value=('a ' + path + ' b'))",
    "set-header X-A %ci:%cp": "Act(verb=set_header, name='X-A', value=(log.ci + ':' + log.cp))",
    "set-header X-A 100%%": "Act(verb=set_header, name='X-A', value='100%')",
    "set-header X-A %[ssl_fc]": "Act(verb=set_header, name='X-A', value=(bool_text(tls)))",
    "set-header X-A %{+Q}[path]": "Act(verb=set_header, name='X-A', value=('\"' + path + '\"'))",
    "del-header ^x- -m reg": "Act(verb=del_header, name='^x-', method='reg')",
    r"replace-header Host (.*) www.\1": (
        r"Act(verb=replace_header, name='Host', pattern='(?s)\\A.*?(?:(.*)).*\\z', template='www.\\1')"
    ),
    r"replace-path ^/a/?(.*) /\1": (r"Act(verb=replace_path, pattern='(?s)\\A.*?(?:^/a/?(.*)).*\\z', template='/\\1')"),
    "set-path /x": "Act(verb=set_path, value='/x')",
    "set-uri /x?%[query]": "Act(verb=set_uri, value=('/x?' + query))",
    "set-method GET": "Act(verb=set_method, value='GET')",
    "normalize-uri path-strip-dotdot full": "Act(verb=normalize_uri, name='path-strip-dotdot', number=1)",
    "set-var(txn.a,ifempty) path": "Act(verb=set_var, name='txn.a', value=path, method='ifempty')",
    "set-var-fmt(txn.a) x%[path]": "Act(verb=set_var, name='txn.a', value=('x' + path))",
    "unset-var(txn.a)": "Act(verb=unset_var, name='txn.a')",
    "set-src hdr(x)": "Act(verb=set_source, value=req.hdr('x'))",
    "track-sc0 src": "Act(verb=track, name='web', value=source)",
    "track-sc2 src table t": "Act(verb=track, name='t', value=source, number=2)",
    "sc-inc-gpc0(1)": "Act(verb=inc_gpc, name='gpc0', number=1)",
    "sc-inc-gpc1(1)": "Act(verb=inc_gpc, name='gpc1', number=1, index=1)",
    "sc-inc-gpc(3,1)": "Act(verb=inc_gpc, number=1, index=3)",
    "sc-add-gpc(3,1) 5": "Act(verb=add_gpc, value=5, number=1, index=3)",
    "sc-set-gpt0(0) 7": "Act(verb=set_gpt, name='gpt0', value=7)",
    "capture path len 9": "Act(verb=capture, name='request', value=path, number=9)",
    "capture path id 2": "Act(verb=capture, name='request', value=path, index=2)",
    "set-log-level silent": "Act(verb=set_log_level, name='silent')",
    "set-timeout client 5s": "Act(verb=set_timeout, name='client', value=5000)",
    "wait-for-body time 1s at-least 1k": "Act(verb=wait_body, number=1000, index=1024)",
    "set-priority-class int(2)": "Act(verb=set_priority_class, value=2)",
    "silent-drop": "Act(verb=silent_drop)",
    "auth realm Here": "Act(verb=auth, name='Here')",
    "use-service prometheus-exporter": "Act(verb=service, name='prometheus-exporter')",
    "redirect location /x code 301": "Act(verb=redirect, value='/x', number=301)",
    "redirect scheme https": (
        "Act(verb=redirect, value=('https' + '://' + req.hdr('host') + pathq), number=302, "
        "answer=Answer(status=302, headers=[['cache-control', 'no-cache']], body=b''))"
    ),
    "redirect prefix /a drop-query": (
        "Act(verb=redirect, value=('/a' + path), number=302, "
        "answer=Answer(status=302, headers=[['cache-control', 'no-cache']], body=b''))"
    ),
    "redirect location / set-cookie A=1": (
        "Act(verb=redirect, value='/', number=302, "
        "answer=Answer(status=302, headers=[['cache-control', 'no-cache'], ['set-cookie', 'A=1; path=/;']], body=b''))"
    ),
}


@pytest.mark.parametrize("text", ACTS)
def test_rules_on_requests_become_acts(desk: Desk, text: str) -> None:
    assert desk.act(f"{text} if TRUE") == ACTS[text], desk.told
    assert not desk.told


LIMITS = {
    "bwlim-out a default-limit 1k": "<default-period> option is missing",
    "bwlim-out a default-limit 1k default-period x": "unexpected character in time 'x'",
    "bwlim-in a limit 1k table t": "<key> option is missing",
    "bwlim-in a limit 1k key src default-period 1s": "cannot mix per-stream and shared parameter",
    "bwlim-in a limit": "the value is missing for 'limit' option",
    "bwlim-in": "a name is expected as first argument",
    "bwlim-out known default-limit 1k default-period 1s": "bwlim filter 'known' already declared for proxy 'web'",
}


@pytest.mark.parametrize("text", LIMITS)
def test_limits_that_cannot_be_are_told(desk: Desk, text: str) -> None:
    phrases.bandwidth_limit(desk.reading, desk.web, desk.line("bwlim-in known default-limit 1 default-period 1").words)
    phrases.bandwidth_limit(desk.reading, desk.web, desk.line(text).words)
    assert LIMITS[text] in desk.told


def test_limits_become_acts(desk: Desk) -> None:
    for text in ("bwlim-in a default-limit 1k default-period 1s min-size 100", "bwlim-out b limit 2k key src table t"):
        phrases.bandwidth_limit(desk.reading, desk.web, desk.line(text).words)
    own = desk.rule("set-bandwidth-limit a limit 10k period url_param(p),mul(2) if TRUE")
    shared = desk.rule("set-bandwidth-limit b", "answer")
    assert own is not None
    assert shared is not None
    assert own.act.bandwidth == Bandwidth("web/a", is_up=True, limit=1024, period=1000, least=100)
    assert shared.act.bandwidth == Bandwidth("web/b", is_up=False, limit=2048, period=0, table="t", key=Fetch("source"))
    assert own.act.value == Const(10240)
    assert not desk.told
    desk.rule("set-bandwidth-limit b limit 1k")
    desk.rule("set-bandwidth-limit c")
    assert "cannot define a limit for a shared bwlim filter" in desk.told
    assert "unable to find bwlim filter 'c'" in desk.told


WRONG_ACTS = {
    "denyy": ("but got 'denyy'. Did you mean 'deny' maybe ?", "request"),
    "set-status 200": ("but got 'set-status'", "request"),
    "set-path /a": ("but got 'set-path'", "answer"),
    "switch-mode tcp": ("expects a valid mode (got 'tcp')", "content"),
    "switch-mode http proto": ("expects a protocol as argument", "content"),
    "switch-mode http proto h3": ("expects a valid MUX protocol, if specified (got 'h3')", "content"),
    "switch-mode http proto fcgi": ("is not compatible with the selected mode", "content"),
    "cache-use x": ("is not carried out: nothing is cached", "request"),
    "lua.x": ("Lua is not run", "request"),
    "set-header X-A": ("rule : expects exactly 2 arguments", "request"),
    "set-header X-A %[pth]": ("failed to parse sample expression <pth> : unknown fetch method 'pth'", "request"),
    "set-header X-A %[path": ("missing ']' after 'path'", "request"),
    "set-header X-A %zz": ("no such format variable 'zz'", "request"),
    "set-header X-A 5%": ("truncated line after '%'", "request"),
    "set-header X-A b when TRUE": (
        "expects either 'if' or 'unless' followed by a condition but found 'when'",
        "request",
    ),
    "deny deny_status 700": ("Unexpected status code '700'", "request"),
    "deny deny_status 418": ("status code '418' not handled by default", "request"),
    "return content-type a/b string a lf-string b": ("unexpected 'lf-string' argument, 'string' already", "request"),
    "return string a": ("a content type must be defined", "request"),
    "redirect code 305 location /": ("unsupported HTTP code '305'", "request"),
    "redirect location / foo": ("(was 'foo')", "request"),
    "set-var(a) path": ("invalid variable name 'a'", "request"),
    "set-var(txn.a,never) path": ('unknown condition "never"', "request"),
    "track-sc99 src": ("track-sc number exceeding", "request"),
    "set-timeout server 3s": ("proxy 'web' has no backend capability", "request"),
    "accept": ("is not allowed because frontend web is not a backend", "answer_content"),
}


@pytest.mark.parametrize("text", WRONG_ACTS)
def test_wrong_rules_are_refused_in_haproxys_words(desk: Desk, text: str) -> None:
    message, phase = WRONG_ACTS[text]
    assert desk.rule(text, phase) is None
    assert message in desk.told


def test_rules_without_effect_are_reported(desk: Desk) -> None:
    assert desk.rule("set-nice 5") is None
    assert not desk.reading.failed
    assert [entry.standing for entry in desk.reading.report] == [Standing.IGNORED]


def test_captures_of_rules_take_the_next_slot(desk: Desk) -> None:
    desk.rule("capture path len 9")
    rule = desk.rule("capture src len 40")
    assert rule
    assert rule.act.index == 1
    assert [one.length for one in desk.web.captures] == [9, 40]


def test_a_problem_stands_at_its_word(desk: Desk) -> None:
    desk.rule("deny if { path,lowr /a }")
    assert desk.reading.problems[0].diagnostic.column == len("deny if { ") + 1


def test_formats_are_parts_of_lines(desk: Desk) -> None:
    parts = phrases.log_format(desk.reading, desk.web, desk.line('"%ci   %{+Q}r %[path] %{+Q}o %ci"').words[0])
    assert parts
    shown = [(expression(part.value), part.quote) for part in parts]
    assert shown == [
        ("log.ci", False),
        ("' '", False),
        ("log.r", True),
        ("' '", False),
        ("path", False),
        ("' '", False),
        ("log.ci", True),
    ]


@pytest.mark.parametrize("name", sorted(phrases.FORMATS))
def test_standard_formats_are_known(desk: Desk, name: str) -> None:
    assert phrases.standard_format(desk.reading, desk.web, name)


TABLES = {
    "type ip size 1m expire 30s store http_req_rate(10s),gpc0": (
        "Table(name='t', key=ip, size=1048576, expire=30000, stored=[Stored(name='http_req_rate', period=10000), "
        "Stored(name='gpc0')])"
    ),
    "type string len 40 size 100 nopurge": "Table(name='t', key=string, length=40, size=100, keep=True)",
    "type integer size 5 store gpc(2),gpc_rate(2,1m)": (
        "Table(name='t', key=integer, size=5, stored=[Stored(name='gpc', count=2), "
        "Stored(name='gpc_rate', period=60000, count=2)])"
    ),
    "type ip size 1 store gpc0, gpc1": (
        "Table(name='t', key=ip, size=1, stored=[Stored(name='gpc0'), Stored(name='gpc1')])"
    ),
}


@pytest.mark.parametrize("text", TABLES)
def test_stick_tables(desk: Desk, text: str) -> None:
    found = phrases.stick_table(desk.reading, desk.app, "t", desk.line(text).words)
    assert plain(found) == TABLES[text], desk.told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type ip", "missing size"),
        ("type ipp size 1", "unknown type 'ipp'"),
        ("type ip size 1 store http_req_rate", "missing argument to store option 'http_req_rate'"),
        ("type ip size 1 store blah", "unknown store option 'blah'"),
        ("type ip size 1 store gpc(2),gpc0", "'gpc' overrides 'gpc0'"),
        ("type ip size 1 write-to t", "'write-to' is not carried out"),
    ],
)
def test_wrong_stick_tables(desk: Desk, text: str, message: str) -> None:
    assert phrases.stick_table(desk.reading, desk.app, "t", desk.line(text).words) is None
    assert message in desk.told


def test_stick_rules(desk: Desk) -> None:
    on = phrases.stick_rule(desk.reading, desk.app, desk.line("on src").words)
    assert plain(on) == "StickRule(match=True, store=True, key=source, table='app')"
    stored = phrases.stick_rule(desk.reading, desk.app, desk.line("store-response res.cook(A) table t if TRUE").words)
    assert plain(stored) == ("StickRule(store=True, answer=True, key=res.cook('A'), table='t', when=True)")


def test_backends_may_be_named_by_the_request(desk: Desk) -> None:
    fixed = phrases.use_backend(desk.reading, desk.web, desk.line("app if TRUE").words)
    assert fixed
    assert plain(fixed.action) == "ToBackend(backend='app')"
    named = phrases.use_backend(desk.reading, desk.web, desk.line("b_%[path]").words)
    assert named
    assert plain(named.action) == "ToBackend(name=('b_' + path))"


def test_names_are_looked_for_at_the_end(desk: Desk) -> None:
    phrases.use_backend(desk.reading, desk.web, desk.line("ap").words)
    desk.rule("track-sc0 src table t")
    phrases.use_server(desk.reading, desk.app, desk.line("s1 if TRUE").words)
    phrases.use_server(desk.reading, desk.app, desk.line("s2 if TRUE").words)
    assert not desk.told
    phrases.unresolved(desk.reading)
    assert desk.told.splitlines() == [
        "unable to find backend 'ap'",
        "unable to find table 't'",
        "unable to find server 'app/s2'",
    ]


def test_answers_of_files(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "503.http").write_bytes(b"HTTP/1.0 503 Gone away\r\nX-A: b\r\nContent-Length: 9\r\n\r\nbody\n")
    assert desk.act("deny deny_status 503 errorfile 503.http") == (
        "Act(verb=deny, answer=Answer(status=503, reason='Gone away', headers=[['X-A', 'b']], body=b'body\\n'))"
    )
