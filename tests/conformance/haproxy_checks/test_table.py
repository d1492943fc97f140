"""What checks say of servers that say one thing, column by column, beside HAProxy."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy_checks.beside import Parrot, both, settled
from support.reference import HAPROXY

if TYPE_CHECKING:
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
COLUMNS = ("status", "check_status", "check_code", "check_desc", "last_chk", "check_rise", "check_fall", "check_health")


def _text(number_of: dict[str, int]) -> str:
    parts = []
    for name, case in CASES.items():
        lines = "".join(f"  {line}\n" for line in case.lines.split(";") if line)
        own = f"  server s 127.0.0.1:{number_of[name]} check inter 200ms {case.server}\n"
        parts.append(f"backend {name}\n{lines}{own}")
    return "".join(parts)


def _seen(api: Api) -> dict[str, dict[str, str]]:
    rows = api.stat()
    return {name: {key: rows[name, "s"][key].removeprefix("* ") for key in COLUMNS} for name in CASES}


def test_every_column_is_as_in_haproxy(tmp_path: Path) -> None:
    with ExitStack() as stack:
        parrots = {
            name: stack.enter_context(Parrot(case.words, waits=case.waits, hangs=case.hangs))
            for name, case in CASES.items()
        }
        text = _text({name: parrot.port for name, parrot in parrots.items()})
        ours, theirs = stack.enter_context(both(text, tmp_path))
        mine, other = settled(lambda: _seen(ours), lambda: _seen(theirs))
        different = {
            name: {key: (mine[name][key], row[key]) for key in COLUMNS if mine[name][key] != row[key]}
            for name, row in other.items()
        }
        lines = [f"{name}: ours, theirs: {found}" for name, found in different.items() if found]
        assert not lines, "\n".join(lines)
