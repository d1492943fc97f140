"""What checks say of servers that say one thing, column by column, beside HAProxy."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy_checks.beside import Parrot, both, settled
from support.reference import HAPROXY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.runtime_api import Api

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")


@dataclass(frozen=True)
class Case:
    """Lines of a backend, separated by `;`, and the server's words; `server` are more words of its line."""

    lines: str
    words: bytes = b""
    server: str = ""
    waits: bool = True
    hangs: bool = False


_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b, c\r\n\r\nhello"
_BAD = b"HTTP/1.1 503 Not so good\r\nContent-Length: 0\r\n\r\n"
CASES = {
    "tcp": Case("", waits=False),
    "tcp_refused": Case("", server="port 1"),
    "tls_of_none": Case("", b"hello\n", server="check-ssl verify none", waits=False),
    "tls_hangs": Case("timeout check 300ms", server="check-ssl verify none", hangs=True),
    "tls_closed": Case("", b"", server="check-ssl verify none", waits=False),
    "http_ok": Case("option httpchk GET /", _OK),
    "http_bad": Case("option httpchk GET /", _BAD),
    "http_junk": Case("option httpchk GET /", b"what is this\n"),
    "http_empty": Case("option httpchk GET /", b""),
    "http_hangs": Case("option httpchk GET /;timeout check 300ms", hangs=True),
    "http_refused": Case("option httpchk GET /", server="port 1"),
    "http_expect_status": Case("option httpchk GET /;http-check expect status 200-299,503", _BAD),
    "http_expect_not_status": Case("option httpchk;http-check expect ! status 200", _OK),
    "http_expect_rstatus": Case("option httpchk;http-check expect rstatus ^5", _OK),
    "http_expect_string": Case("option httpchk;http-check expect string hello", _OK),
    "http_expect_no_string": Case("option httpchk;http-check expect string bye", _OK),
    "http_expect_not_string": Case("option httpchk;http-check expect ! string hello", _OK),
    "http_expect_rstring": Case("option httpchk;http-check expect rstring ^h.*o$", _OK),
    "http_expect_comment": Case("option httpchk;http-check expect comment why string bye", _OK),
    "http_on_error": Case('option httpchk;http-check expect on-error "it is %[res.hdr(x-a)] bad" status 500', _OK),
    "http_on_success": Case('option httpchk;http-check expect on-success "all well" status 200', _OK),
    "http_ok_status": Case("option httpchk;http-check expect ok-status L7OKC status 200", _OK),
    "http_error_status": Case("option httpchk;http-check expect error-status L4CON status 500", _OK),
    "http_expect_hdr": Case("option httpchk;http-check expect hdr name x-a value c", _OK),
    "http_expect_hdr_beg": Case("option httpchk;http-check expect hdr name -m beg x- value -m beg c", _OK),
    "http_expect_fhdr": Case("option httpchk;http-check expect fhdr name x-a value c", _OK),
    "http_two_steps": Case(
        "option httpchk;http-check connect;http-check send meth GET;http-check expect status 200;"
        "http-check connect;http-check send meth HEAD;http-check expect status 200",
        _OK,
    ),
    "script_string": Case("option tcp-check;tcp-check expect string hello", b"say hello\n", waits=False),
    "script_no_string": Case("option tcp-check;tcp-check expect string hello", b"say bye\n", waits=False),
    "script_rstring": Case("option tcp-check;tcp-check expect rstring ^bye", b"say bye\n", waits=False),
    "script_binary": Case("option tcp-check;tcp-check expect binary 6279", b"bye\n", waits=False),
    "script_not_binary": Case("option tcp-check;tcp-check expect ! binary 6279", b"bye\n", waits=False),
    "script_rbinary": Case("option tcp-check;tcp-check expect rbinary ^63", b"bye\n", waits=False),
    "script_not_string": Case("option tcp-check;tcp-check expect ! string bye", b"bye\n", waits=False),
    "script_hangs": Case("option tcp-check;timeout check 300ms;tcp-check expect string bye", hangs=True),
    "script_tout_status": Case(
        "option tcp-check;timeout check 300ms;tcp-check expect tout-status L4TOUT string bye", hangs=True
    ),
    "script_comment": Case("option tcp-check;tcp-check expect comment banner string hello", b"bye\n", waits=False),
    "script_on_error": Case("option tcp-check;tcp-check expect on-error sorry string hello", b"bye\n", waits=False),
    "script_on_success": Case("option tcp-check;tcp-check expect on-success fine string bye", b"bye\n", waits=False),
    "script_send": Case("option tcp-check;tcp-check send PING\\r\\n;tcp-check expect string +PONG", b"+PONG\r\n"),
    "script_send_var": Case(
        "option tcp-check;tcp-check set-var(check.name) str(you);tcp-check send-lf %[var(check.name)]\\n;"
        "tcp-check expect string-lf %[var(check.name)]",
        b"hi you\n",
    ),
    "script_two": Case(
        "option tcp-check;tcp-check connect;tcp-check send a;tcp-check expect string x;tcp-check comment then;"
        "tcp-check expect string z",
        b"xy",
    ),
    "script_min_recv": Case("option tcp-check;tcp-check expect min-recv 8 string abc", b"abcdef", waits=False),
    "script_min_recv_not": Case("option tcp-check;tcp-check expect min-recv 4 ! string abc", b"abxdef", waits=False),
    "script_empty": Case("option tcp-check;tcp-check expect string x", b"", waits=False),
    "script_connect_port": Case("option tcp-check;tcp-check connect port 1 comment there"),
    "script_connect_ssl": Case(
        "option tcp-check;tcp-check connect ssl", server="verify none", words=b"hello\n", waits=False
    ),
    "script_send_proxy": Case("option tcp-check;tcp-check connect send-proxy;tcp-check expect string a", b"a"),
    "script_send_only": Case("option tcp-check;tcp-check send a", b"b"),
    "redis": Case("option redis-check", b"+PONG\r\n"),
    "redis_not": Case("option redis-check", b"-ERR no\r\n"),
    "smtp_not": Case("option smtpchk", b"421 busy\r\n", waits=False),
    "smtp_junk": Case("option smtpchk", b"hm\r\n", waits=False),
    "hello_alert": Case("option ssl-hello-chk", b"\x15\x03\x00\x00\x02\x02\x28"),
    "hello_not": Case("option ssl-hello-chk", b"HTTP/1.0 400 Bad\r\n\r\n"),
    "pgsql": Case("option pgsql-check user x", b"R\x00\x00\x00\x08\x00\x00\x00\x00"),
    "pgsql_error": Case("option pgsql-check user x", b"E\x00\x00\x00\x10SFATAL\x00Mno\x00\x00"),
    "ldap_not": Case("option ldap-check", b"what do you want of me"),
    "mysql": Case("option mysql-check", b"\x0c\x00\x00\x00\x0a8.0.1\x00abcde", waits=False),
}
CASES |= {
    "http_error_okc": Case("option httpchk;http-check expect error-status L7OKC status 500", _OK),
    "http_ok_l4": Case("option httpchk;http-check expect ok-status L4OK status 200", _OK),
    "http_ok_l6": Case("option httpchk;http-check expect ok-status L6OK status 200", _OK),
    "http_error_l7rsp": Case("option httpchk;http-check expect error-status L7RSP status 500", _OK),
    "http_error_string": Case("option httpchk;http-check expect error-status L7OKC string bye", _OK),
    "http_tout_status": Case(
        "option httpchk;timeout check 300ms;http-check expect tout-status L6TOUT status 200", hangs=True
    ),
    "http_comments": Case(
        "option httpchk;http-check comment first;http-check connect;http-check send meth GET comment asked;"
        "http-check expect status 200;http-check expect status 500",
        _OK,
    ),
    "http_on_success_l7okc": Case("option httpchk;http-check expect ok-status L7OKC on-success fine status 200", _OK),
    "http_hdr_reg": Case("option httpchk;http-check expect hdr name -m reg ^x-.$ value -m reg ^(b|c)$", _OK),
    "http_hdr_end": Case("option httpchk;http-check expect hdr name -m end -a value -m end b", _OK),
    "http_hdr_sub": Case("option httpchk;http-check expect fhdr name -m sub x value -m sub ,", _OK),
    "http_hdr_not": Case("option httpchk;http-check expect ! hdr name -m beg content- value -m str 5", _OK),
    "http_hdr_case": Case("option httpchk;http-check expect hdr name -m str X-a value -m str B", _OK),
    "http_hdr_alone": Case("option httpchk;http-check expect hdr name -m reg ^y", _OK),
    "http_hdr_comment": Case("option httpchk;http-check expect comment why hdr name y", _OK),
    "http_hdr_lf": Case(
        "option httpchk;http-check set-var(check.a) str(x-a);"
        "http-check expect hdr name-lf %[var(check.a)] value-lf -m sub %[str(c)]",
        _OK,
    ),
    "http_string_lf": Case(
        "option httpchk;http-check expect string-lf h%[str(ell)]%[int(0),add(0),length,mul(0)]", _OK
    ),
    "http_chain_fails": Case(
        "option httpchk;http-check connect;http-check send meth GET;http-check expect status 200;"
        "http-check connect comment again;http-check send meth GET uri /b;http-check expect rstatus ^3",
        _OK,
    ),
    "http_chain_refused": Case("option httpchk;http-check connect port 1", _OK),
    "http_chain_linger": Case("option httpchk;http-check connect linger;http-check send meth GET", _OK),
    "script_tls_step": Case(
        "option tcp-check;tcp-check connect ssl comment tls", b"no\n", server="verify none", waits=False
    ),
    "script_hangs_rstring": Case("option tcp-check;timeout check 300ms;tcp-check expect rstring ^bye", hangs=True),
    "script_hangs_binary": Case(
        "option tcp-check;timeout check 300ms;tcp-check send x;tcp-check expect comment hm binary 00", hangs=True
    ),
    "script_hangs_lf": Case("option tcp-check;timeout check 300ms;tcp-check expect string-lf %[str(a)]", hangs=True),
    "script_error_okc": Case("option tcp-check;tcp-check expect error-status L7OKC string hello", b"x\n", waits=False),
    "script_error_l4": Case("option tcp-check;tcp-check expect error-status L4CON string hello", b"x\n", waits=False),
    "script_ok_okc": Case("option tcp-check;tcp-check expect ok-status L7OKC string x", b"x\n", waits=False),
    "script_last_connect": Case(
        "option tcp-check;tcp-check connect;tcp-check send a;tcp-check expect string b;tcp-check connect", b"b"
    ),
    "script_last_comment": Case("option tcp-check;tcp-check expect string b;tcp-check comment done", b"b", waits=False),
    "script_no_steps": Case("option tcp-check", waits=False),
    "script_closed_later": Case(
        "option tcp-check;tcp-check expect string a;tcp-check expect string b", b"a", waits=False
    ),
    "script_refused": Case("option tcp-check;tcp-check expect string b", server="port 1"),
    "script_comment_passed": Case(
        "option tcp-check;tcp-check comment first;tcp-check connect;tcp-check expect string a;"
        "tcp-check expect string b",
        b"a\n",
        waits=False,
    ),
    "script_comment_sent": Case(
        "option tcp-check;tcp-check comment first;tcp-check send x;tcp-check expect string c", b"a"
    ),
    "http_comment_sent": Case(
        "option httpchk;http-check connect;http-check comment first;http-check send meth GET;"
        "http-check expect status 500",
        _OK,
    ),
    "http_values": Case(
        "option httpchk;http-check set-var(check.n) int(40);http-check set-var(check.t) str(abc),upper;"
        'http-check expect on-error "%[status]|%[res.hdr(x-a),upper]|%[rand,mul(0)]|%[date,mul(0)]|%[srv_name]|'
        "%[be_name]|%[uuid,length]|%[str(abc),base64]|%[str(abc),hex]|%[str(abc),bytes(1,1)]|"
        '%[int(2),add(check.n)]|%[var(check.t),length,sub(1)]|100%%|%H" status 500',
        _OK,
    ),
    "http_converters": Case(
        'option httpchk;http-check expect on-error "%[env(HOME),upper]|%[str(abc),sha1,hex,lower]|%[str(abc),crc32]|'
        "%[str(a b),url_enc]|%[bool(true)]|%[int(5),iif(a,b)]|%[int(0),iif(a,b)]|%[str(q),concat(<,check.x,>)]|"
        '%[str(YWJj),b64dec]|%[int(7),mod(4)]|%[int(7),div(2)]|%[int(7),neg]|%[str(a-b),field(2,-)]" status 500',
        _OK,
    ),
    "script_binary_lf": Case(
        "option tcp-check;tcp-check send-binary-lf 68%[str(69)];tcp-check expect binary-lf %[str(68)]", b"hi"
    ),
    "redis_empty": Case("option redis-check", b""),
    "redis_hangs": Case("option redis-check;timeout check 300ms", hangs=True),
    "redis_refused": Case("option redis-check", server="port 1"),
    "smtp_hangs": Case("option smtpchk;timeout check 300ms", hangs=True),
    "smtp_empty": Case("option smtpchk", b"", waits=False),
    "hello_hangs": Case("option ssl-hello-chk;timeout check 300ms", hangs=True),
    "hello_empty": Case("option ssl-hello-chk", b""),
    "pgsql_hangs": Case("option pgsql-check user x;timeout check 300ms", hangs=True),
    "pgsql_empty": Case("option pgsql-check user x", b""),
    "pgsql_short": Case("option pgsql-check user x", b"R\x00"),
    "ldap_ok": Case("option ldap-check", bytes.fromhex("300c02010161070a010004000400")),
    "ldap_busy": Case("option ldap-check", bytes.fromhex("300c02010161070a013304000400")),
    "ldap_hangs": Case("option ldap-check;timeout check 300ms", hangs=True),
    "ldap_empty": Case("option ldap-check", b""),
    "mysql_error": Case("option mysql-check", b"\x0b\x00\x00\x00\xff\x10\x04Too many", waits=False),
    "mysql_hangs": Case("option mysql-check;timeout check 300ms", hangs=True),
    "mysql_empty": Case("option mysql-check", b"", waits=False),
}
COLUMNS = ("status", "check_status", "check_code", "check_desc", "last_chk", "check_rise", "check_fall", "check_health")


_GROUPS = 4
"""Checks of a hundred servers at once would be late on a machine that is busy."""


def _text(ports: dict[str, int]) -> str:
    parts = []
    for name, port in ports.items():
        case = CASES[name]
        lines = "".join(f"  {line}\n" for line in case.lines.split(";") if line)
        own = f"  server s 127.0.0.1:{port} check inter 1s fastinter 300ms downinter 300ms {case.server}\n"
        parts.append(f"backend {name}\n{lines}{own}")
    return "".join(parts)


def _seen(api: Api, names: Sequence[str], before: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The rows; while a check runs, HAProxy has forgotten half of what the last one found."""
    rows = api.stat()
    for name in names:
        row = rows[name, "s"]
        if name not in before or not row["check_status"].startswith("* "):
            before[name] = {key: row[key] for key in COLUMNS}
    return dict(before)


@pytest.mark.parametrize("group", range(_GROUPS))
def test_every_column_is_as_in_haproxy(group: int, tmp_path: Path) -> None:
    names = list(CASES)[group::_GROUPS]
    with ExitStack() as stack:
        parrots = {
            name: stack.enter_context(Parrot(case.words, waits=case.waits, hangs=case.hangs))
            for name, case in CASES.items()
            if name in names
        }
        text = _text({name: parrot.port for name, parrot in parrots.items()})
        ours, theirs = stack.enter_context(both(text, tmp_path))
        seen: tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]] = ({}, {})
        mine, other = settled(lambda: _seen(ours, names, seen[0]), lambda: _seen(theirs, names, seen[1]))
        different = {
            name: {key: (mine[name][key], row[key]) for key in COLUMNS if mine[name][key] != row[key]}
            for name, row in other.items()
        }
        lines = [f"{name}: ours, theirs: {found}" for name, found in different.items() if found]
        assert not lines, "\n".join(lines)
