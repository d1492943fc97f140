"""What configurations in HAProxy's language mean: the model that is made of them, and their report."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from tenbin.configfile import haproxy
from tenbin.model import (
    Address,
    AsServer,
    Config,
    CookieMode,
    Deny,
    Duration,
    Fetch,
    HashFunction,
    HashMethod,
    Initial,
    Lookup,
    Mode,
    Observe,
    OnErrors,
    Policy,
    Protocol,
    ScriptCheck,
    SocketOptions,
    StepKind,
    StickyCookie,
    TcpCheck,
    ToBackend,
    Verb,
)
from unit.configfile.test_golden import FILES

DATA = Path(__file__).parent / "data"
PAGE = "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\nX-Own: yes\r\n\r\n<h1>own</h1>\r\n"
TCP = (
    "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n"
    "listen cluster\n  bind :5433\n  option tcp-check\n  default-server inter 3s fall 3 rise 2\n"
    "  server a 127.0.0.1:5432 check port 5432\n"
)
COMMON = "defaults\n  mode http\n  timeout client 1s\n  timeout connect 2s\n  timeout server 3s\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "both.pem").write_text(FILES["both.pem"], encoding="utf-8")
    (tmp_path / "503.http").write_text(PAGE, encoding="utf-8", newline="")
    return tmp_path


def read(text: str, directory: Path, **environment: str) -> Config:
    found = haproxy.read([haproxy.Text("haproxy.cfg", text)], environment=environment, directory=directory)
    assert found.config is not None, haproxy.render(found.problems, 1)
    return found.config


@pytest.mark.parametrize("name", ["dual-servers", "serf", "postgresql"])
def test_configurations_of_the_wild_are_read(name: str, directory: Path) -> None:
    text = (DATA / f"{name}.cfg").read_text(encoding="utf-8")
    config = read(text, directory)
    assert config.frontends
    assert config.admin is None
    assert config.compat is not None


def test_dual_servers(directory: Path) -> None:
    config = read((DATA / "dual-servers.cfg").read_text(encoding="utf-8"), directory)
    web, stats = config.frontends
    assert [str(one.address) for one in web.listeners] == ["0.0.0.0:80", "0.0.0.0:443"]
    assert [route.action for route in web.routes] == [
        ToBackend("api_servers"),
        ToBackend("admin_server"),
        ToBackend("websocket_servers"),
        ToBackend("webservers"),
    ]
    assert [rule.act.verb for rule in web.rules.connection] == [Verb.TRACK]
    # The page that `defaults` give to all, then the redirection, which HAProxy does last.
    verbs = [rule.act.verb for rule in web.rules.request]
    assert verbs == [Verb.DENY, Verb.SET_HEADER, Verb.SET_HEADER, Verb.AUTH, Verb.SERVICE, Verb.REDIRECT]
    assert dict(web.answers)[503].body == b"<h1>own</h1>\r\n"
    backend = config.backends[0]
    assert [(one.name, one.cookie, one.max_connections, one.backup) for one in backend.servers] == [
        ("server1", "server1", 100, False),
        ("server2", "server2", 100, False),
        ("backup", "", 0, True),
    ]
    assert isinstance(backend.sticky, StickyCookie)
    assert (backend.sticky.mode, backend.sticky.indirect, backend.sticky.no_cache) == (CookieMode.INSERT, True, True)
    check = backend.check
    assert check is not None
    assert isinstance(check.probe, ScriptCheck)
    assert [(step.kind, step.target, step.pattern) for step in check.probe.steps] == [
        (StepKind.SEND, "/health", ""),
        (StepKind.EXPECT, "", "200"),
    ]
    assert check.probe.steps[0].headers == (("Host", "localhost"),)
    assert backend.retry.redispatch == -1
    assert config.backends[1].retry.after == ("connect", "closed", "timeout")
    assert config.backends[3].balance.method is HashMethod.HAPROXY_MAP
    assert [proxy.number for proxy in config.compat.proxies] == [2, 3, 4, 5, 6, 7] if config.compat else False
    assert [page.proxy for page in config.compat.pages if page.admin] == [stats.name] if config.compat else False


def test_tcp_balancing(directory: Path) -> None:
    config = read(TCP, directory)
    assert config.frontends[0].mode is Mode.TCP
    check = config.backends[0].check
    assert check is not None
    assert isinstance(check.probe, TcpCheck)
    assert (check.every.ms, check.fall, check.rise, check.port) == (3000, 3, 2, 5432)


def test_defaults_are_those_of_haproxy(directory: Path) -> None:
    config = read(COMMON + "listen web\n  bind :8080\n  server a 10.0.0.1:80\n", directory)
    backend, frontend = config.backends[0], config.frontends[0]
    assert (backend.retry.attempts, backend.retry.redispatch, backend.retry.after) == (3, 0, ("connect",))
    assert backend.balance.policy is Policy.RANDOM
    assert (frontend.client.ms, backend.connect.ms, backend.server.ms) == (1000, 2000, 3000)
    assert dict(frontend.answers)[400].body.startswith(b"<html><body><h1>400 Bad request</h1>\n")
    assert not frontend.forwarding
    assert backend.eject is None


def test_the_version_that_is_meant_decides(directory: Path) -> None:
    texts = [haproxy.Text("haproxy.cfg", COMMON + "listen web\n  bind :8080\n  server a 10.0.0.1:80\n")]
    version = haproxy.version_of({"TENBIN_COMPAT": "2.6"})
    found = haproxy.read(texts, environment={}, directory=directory, version=version)
    assert found.config is not None
    assert found.config.backends[0].balance.policy is Policy.ROUND_ROBIN


def test_defaults_are_inherited_by_name(directory: Path) -> None:
    text = (
        "defaults base\n  mode http\n  timeout client 1s\n  timeout connect 1s\n  timeout server 1s\n  retries 7\n"
        "defaults more from base\n  option redispatch\n"
        "backend a from base\n  server s 10.0.0.1:80\nbackend b\n  server s 10.0.0.1:80\n"
    )
    first, second = read(text, directory).backends
    assert (first.retry.attempts, first.retry.redispatch) == (7, 0)
    assert (second.retry.attempts, second.retry.redispatch) == (7, -1)


def test_rules_of_defaults_come_first(directory: Path) -> None:
    text = COMMON.replace("defaults", "defaults base") + (
        "  acl local src 127.0.0.1\n  http-request deny if local\nfrontend web\n  bind :8080\n  http-request tarpit\n"
    )
    web = read(text, directory).frontends[0]
    assert [rule.act.verb for rule in web.rules.request] == [Verb.DENY, Verb.TARPIT]
    assert web.routes[-1].action == Deny(503)


def test_forwardfor_of_a_frontend_counts_for_its_backends(directory: Path) -> None:
    text = COMMON + (
        "frontend web\n  bind :8080\n  option forwardfor\n  default_backend app\nbackend app\n  server a 10.0.0.1:80\n"
    )
    backend = read(text, directory).backends[0]
    assert [(rule.act.verb, rule.act.name) for rule in backend.rules.request] == [(Verb.ADD_HEADER, "x-forwarded-for")]


def test_addresses(directory: Path) -> None:
    text = COMMON + (
        'listen web\n  bind :8080-8082,/tmp/web.sock mode 600\n  bind fd@5\n  bind "fd@${FD}"\n  bind [::1]:9000\n'
        "  server a unix@/tmp/a.sock\n  server b [::1]:80\n"
    )
    config = read(text, directory, FD="7")
    shown = [str(one.address) for one in config.frontends[0].listeners]
    ports = ["0.0.0.0:8080", "0.0.0.0:8081", "0.0.0.0:8082"]
    assert shown == [*ports, "unix@/tmp/web.sock", "fd@5", "fd@7", "[::1]:9000"]
    assert [str(one.address) for one in config.backends[0].servers] == ["unix@/tmp/a.sock", "[::1]:80"]


def test_hashing(directory: Path) -> None:
    text = COMMON + (
        "backend app\n  balance uri len 10 depth 2\n  hash-type consistent djb2 avalanche\n"
        "  hash-balance-factor 150\n  server a 10.0.0.1:80\n"
    )
    balance = read(text, directory).backends[0].balance
    assert (balance.method, balance.function, balance.avalanche) == (HashMethod.HAPROXY_TREE, HashFunction.DJB2, True)
    assert (balance.length, balance.depth, balance.load_factor) == (10, 2, 150)


def test_servers(directory: Path) -> None:
    text = COMMON + (
        "backend app\n  default-server inter 3s weight 10\n  server-template web 2 10.0.0.1:80\n"
        "  server a 10.0.0.2:80 check id 7 disabled on-marked-down shutdown-sessions\n  server b 10.0.0.3:80 track a\n"
        "  server c 10.0.0.4:80 tcp-ut 20s max-reuse 3\n"
    )
    backend = read(text, directory).backends[0]
    names = [(one.name, one.number, one.weight, one.unchecked) for one in backend.servers]
    assert names == [
        ("web1", 1, 10, True),
        ("web2", 2, 10, True),
        ("a", 7, 10, False),
        ("b", 4, 10, True),
        ("c", 5, 10, True),
    ]
    assert str(backend.servers[3].track) == "app/a"
    assert [one.end_when_down for one in backend.servers] == [False, False, True, False, False]
    assert [(one.user_timeout.ms, one.max_reuse) for one in backend.servers[3:]] == [(0, -1), (20_000, 3)]
    assert backend.servers[0].address == Address("10.0.0.1", 80)


def test_requests_that_watch_servers(directory: Path) -> None:
    text = COMMON + (
        "backend app\n  default-server check error-limit 3 on-marked-up shutdown-backup-sessions\n"
        "  server a 10.0.0.1:80 observe layer7 on-error sudden-death\n  server b 10.0.0.2:80 observe layer4\n"
        "  server c 10.0.0.3:80 observe none\n"
    )
    backend = read(text, directory).backends[0]
    checks = [backend.check_of(one) for one in backend.servers]
    assert [check.observe if check else None for check in checks] == [
        Observe(7, 3, OnErrors.SUDDEN_DEATH),
        Observe(4, 3, OnErrors.FAIL_CHECK),
        None,
    ]
    assert all(one.end_backups_when_up for one in backend.servers)


def test_conditional_lines(directory: Path) -> None:
    text = COMMON + (
        '.if defined(BLUE)\nbackend blue\n.elif streq("$COLOR",green)\nbackend green\n.else\nbackend red\n.endif\n'
    )
    assert [one.name for one in read(text, directory, BLUE="1").backends] == ["blue"]
    assert [one.name for one in read(text, directory, COLOR="green").backends] == ["green"]
    assert [one.name for one in read(text, directory).backends] == ["red"]


def test_several_files_and_folders(directory: Path) -> None:
    (directory / "conf.d").mkdir()
    (directory / "conf.d" / "20-b.cfg").write_text("backend b\n", encoding="utf-8")
    (directory / "conf.d" / "10-a.cfg").write_text(COMMON + "backend a\n", encoding="utf-8")
    (directory / "conf.d" / "README").write_text("not read\n", encoding="utf-8")
    names = haproxy.files([directory / "conf.d"])
    texts = [haproxy.Text(str(name), name.read_text(encoding="utf-8")) for name in names]
    found = haproxy.read(texts, environment={}, directory=directory)
    assert found.config is not None
    assert [one.name for one in found.config.backends] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", AsServer.AS_SERVER),
        ("check-alpn h2", Protocol.HTTP2),
        ("check-alpn h2,http/1.1", Protocol.AUTO),
        ("check-alpn http/1.1", Protocol.HTTP1),
        ("check-alpn h2 check-proto h1", Protocol.HTTP1),
    ],
)
def test_what_checks_speak(words: str, expected: Protocol | AsServer, directory: Path) -> None:
    text = COMMON + f"backend app\n  option httpchk\n  server s 127.0.0.1:80 ssl verify none check {words}\n"
    backend = read(text, directory).backends[0]
    check = backend.check_of(backend.servers[0])
    assert check is not None
    assert check.protocol is expected


@pytest.mark.parametrize(
    ("options", "words", "expected"),
    [
        ("", "", True),
        ("", "no-tls-tickets", False),
        ("no-tls-tickets", "", False),
        ("no-tls-tickets", "tls-tickets", True),
    ],
)
def test_tickets_of_sessions(options: str, words: str, *, expected: bool, directory: Path) -> None:
    settings = f"global\n  ssl-default-bind-options {options}\n" if options else ""
    text = settings + COMMON + f"frontend web\n  bind :8443 ssl crt {directory}/both.pem {words}\n"
    tls = read(text, directory).frontends[0].listeners[0].tls
    assert tls is not None
    assert tls.tickets is expected
    assert tls.resumption


def test_users(directory: Path) -> None:
    text = COMMON + (
        "userlist people\n  group staff users ann\n  user ann password $5$abc\n"
        "  user bob insecure-password secret groups g\n"
    )
    compat = read(text, directory).compat
    assert compat is not None
    rows = (("ann", "$5$abc", False, ("staff",)), ("bob", "secret", True, ("g",)))
    assert compat.userlists[0].users == rows


def reported(text: str, directory: Path) -> tuple[haproxy.Read, dict[int, str]]:
    """What was read, and by line how its directive stands."""
    found = haproxy.read([haproxy.Text("haproxy.cfg", text)], environment={}, directory=directory)
    return found, {entry.line: entry.standing.value for entry in found.report}


def test_the_report_names_what_has_no_effect(directory: Path) -> None:
    text = COMMON + "listen web\n  bind :8080 cc bbr\n  option nolinger\n  lua foo\n  compression algo gzip\n"
    found, standings = reported(text, directory)
    assert [standings[line] for line in (1, 2, 7, 8, 9)] == ["exact", "exact", "ignored", "ignored", "refused"]
    assert "the kernel's own settings hold" in haproxy.report(found.report)


def test_what_is_asked_of_the_kernel(directory: Path) -> None:
    text = COMMON + (
        "frontend web\n  backlog 9\n  bind :80 defer-accept tcp-ut 30s mss 1400 tfo interface lo transparent\n"
        "  bind :::81 v4v6 backlog 5\n  bind :::82 v6only\n  bind :::83\n  bind unix@/tmp/s tcp-ut 5s\n"
        "  bind :84 mss -40\n  bind :85 mss 40\n"
    )
    found, standings = reported(text, directory)
    assert found.config is not None
    options = [one.options for one in found.config.frontends[0].listeners]
    assert options == [
        SocketOptions(9, True, True, Duration(30_000), 1400, "lo", transparent=True),
        SocketOptions(5, dual_stack=True),
        *[SocketOptions(9)] * 5,
    ]
    stand = ["exact", "exact", "exact", "approximated", "exact", "ignored", "ignored"]
    assert [standings[line] for line in range(8, 15)] == stand
    assert "add `v4v6` for both" in haproxy.report(found.report)


def test_the_report_names_facts_that_nobody_can_tell(directory: Path) -> None:
    text = COMMON + "listen web\n  bind :8080\n  http-request set-header X-Rtt %[fc_rtt]\n  acl slow fc_rtt gt 5\n"
    text += "  http-request set-header X-Source %[fc_src]\n"
    found, standings = reported(text, directory)
    assert [standings[line] for line in (8, 9, 10)] == ["approximated", "approximated", "exact"]
    assert "nobody can tell 'fc_rtt' here: it is always empty" in haproxy.report(found.report)


def test_how_servers_begin(directory: Path) -> None:
    text = COMMON + (
        "backend app\n  server a 10.0.0.1:80 check init-state fully-down\n  server b 10.0.0.2:80 init-state down\n"
        "  server c 10.0.0.3:80 check\n"
    )
    found, standings = reported(text, directory)
    assert found.config is not None
    begin = [one.initial for one in found.config.backends[0].servers]
    assert begin == [Initial.FULLY_DOWN, Initial.UP, Initial.UP]
    assert [standings[line] for line in (7, 8, 9)] == ["exact", "ignored", "exact"]


def test_which_address_of_a_name_is_taken(directory: Path) -> None:
    text = COMMON + (
        "resolvers dns\n  nameserver a 127.0.0.1:53\n"
        "backend app\n  default-server init-addr last,libc,none\n"
        "  server a a.test:80 resolve-prefer ipv4 resolve-net 10.0.0.0/8,fd00::1\n"
        "  server b b.test:80 init-addr libc,10.0.0.9\n  server c c.test:80 init-addr libc\n"
        "  server d d.test:80 init-addr none\n  server e e.test:80 init-addr none resolvers dns\n"
        "  server f 10.0.0.1:80 init-addr libc resolve-prefer ipv6\n  server g g.test:80 init-addr none,10.0.0.9\n"
    )
    found, standings = reported(text, directory)
    assert found.config is not None
    lookups = [one.lookup for one in found.config.backends[0].servers]
    assert lookups[:2] == [Lookup(4, ("10.0.0.0/8", "fd00::1/128")), Lookup(fallback="10.0.0.9")]
    assert lookups[2:] == [Lookup()] * 5
    stand = ["exact", "exact", "exact", "approximated", "approximated", "exact", "exact", "approximated"]
    assert [standings[line] for line in range(9, 17)] == stand


def test_the_report_names_what_is_less_than_it_says(directory: Path) -> None:
    text = COMMON + 'listen web\n  bind :8080\n  option spop-check\n  error-log-format "%ci %[ssl_c_ca_err]"\n'
    text += 'listen other\n  bind :8081\n  error-log-format "%ci %[fc_err]"\n'
    _, standings = reported(text, directory)
    assert [standings[line] for line in (8, 9, 12)] == ["approximated", "approximated", "exact"]


def test_problems_in_haproxys_shape(directory: Path) -> None:
    texts = [haproxy.Text("haproxy.cfg", COMMON + "backend app\n  balanse roundrobin\n")]
    found = haproxy.read(texts, environment={}, directory=directory)
    told = haproxy.render(found.problems, 42)
    expected = "[ALERT]    (42) : config : parsing [haproxy.cfg:7] : unknown keyword 'balanse' in 'backend' section"
    assert told.startswith(expected)
    assert "`balance`" in told


def test_large_configurations_are_read_fast(directory: Path) -> None:
    backends = "".join(
        f"backend b{number}\n  balance roundrobin\n  option httpchk GET /\n"
        f"  server s1 10.0.0.1:80 check inter 2s\n  server s2 10.0.0.2:80 check\n"
        for number in range(1000)
    )
    before = process_time()
    assert len(read(COMMON + backends, directory).backends) == 1000
    assert process_time() - before < 5


@pytest.mark.parametrize(
    ("words", "constant", "chosen", "host"),
    [
        ("verify none", "", None, ""),
        ("verify none sni str(a.test)", "a.test", None, ""),
        ("verify none sni req.hdr(host)", "", Fetch("req.hdr", ("host",)), ""),
        ("verify required ca-file both.pem sni var(txn.name)", "", Fetch("var", ("txn.name",)), "*"),
        ("verify required ca-file both.pem verifyhost b.test", "", None, "b.test"),
        ("verify none verifyhost b.test", "", None, ""),
    ],
)
def test_the_name_that_a_server_is_asked_for(
    words: str, constant: str, chosen: Fetch | None, host: str, directory: Path
) -> None:
    config = read(f"{COMMON}backend b\n  server s 127.0.0.1:1 ssl {words}\n", directory)
    tls = config.backends[0].servers[0].tls
    assert tls is not None
    assert (tls.sni, tls.chosen, tls.host) == (constant, chosen, host)
