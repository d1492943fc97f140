"""How servers are checked: `option httpchk` and its kind. The steps of `http-check` and `tcp-check` are in `steps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import Arguments, no_more
from tenbin.model import ProtocolCheck

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line


def httpchk(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`option httpchk [METHOD] URI [VERSION]`; headers may stand behind the version, as people wrote them once."""
    check = draft.check
    check.kind = "http"
    words = [word.text for word in line.words[2:]]
    check.method, check.target, check.version = "OPTIONS", "/", "HTTP/1.0"
    check.headers, check.body, check.sent = [], b"", bool(words)
    if len(words) == 1:
        check.target = words[0]
    elif words:
        check.method, check.target = words[:2]
    if len(words) < 3:
        return
    tail = " ".join(words[2:])
    version, _, rest = tail.partition("\r\n")
    check.version = version or check.version
    fields, _, body = rest.partition("\r\n\r\n")
    for field in fields.split("\r\n"):
        name, _, value = field.partition(":")
        if name:
            check.headers.append((name.strip(), value.strip()))
    check.body = body.encode()
    if rest:
        hint = "write `http-check send meth GET uri / ver HTTP/1.1 hdr Host ...`"
        message = (
            "'option httpchk' : hiding headers or body at the end of the version string is deprecated. "
            "Please, consider to use 'http-check send' directive instead."
        )
        reading.warning(line.words[4], message, hint)


def tcp_check(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`option tcp-check`."""
    no_more(reading, line, 2)
    draft.check.kind = "script"


def external_check(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`option external-check`."""
    no_more(reading, line, 2)
    draft.check.kind = "exec"


def _plain(protocol: str) -> Callable[[Reading, ProxyDraft, Line], None]:
    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        no_more(reading, line, 2)
        _use(draft, ProtocolCheck(protocol))
        if protocol == "spop":
            reading.approximated(line, "the agent is connected to, and not greeted")

    return read


def pgsql(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`option pgsql-check user NAME`."""
    arguments = Arguments(reading, line, 2)
    if not arguments or arguments.text() != "user" or not arguments:
        reading.error(line, "'option pgsql-check' expects 'user <username>'.")
        return
    _use(draft, ProtocolCheck("pgsql", user=arguments.text()))


def mysql(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`option mysql-check [user NAME [post-41|pre-41]]`."""
    arguments = Arguments(reading, line, 2)
    user, variant = "", ""
    if arguments:
        if arguments.text() != "user" or not arguments:
            reading.error(line, "'option mysql-check' only supports optional values: 'user <username>'.")
            return
        user, variant = arguments.text(), "post-41"
        if arguments:
            variant = arguments.text()
            if variant not in ("post-41", "pre-41"):
                message = f"'{variant}' is not supported: only 'post-41' and 'pre-41' after user name."
                reading.error(arguments.last, message)
    _use(draft, ProtocolCheck("mysql", user=user, variant=variant))


def smtp(_reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`option smtpchk [HELO|EHLO DOMAIN]`."""
    words = [word.text for word in line.words[2:]]
    hello, domain = (words[0], words[1]) if len(words) >= 2 and words[0] in ("EHLO", "HELO") else ("HELO", "localhost")
    _use(draft, ProtocolCheck("smtp", domain=domain, variant=hello))


def external(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`external-check command PROGRAM` and `external-check path PATH`."""
    arguments = Arguments(reading, line)
    what = arguments.text()
    if what == "command" and arguments:
        draft.check.command = arguments.text()
    elif what == "path" and arguments:
        draft.check.path = arguments.text()
    else:
        reading.error(line, "'external-check' only supports 'command' and 'path', each with an argument.")


def _use(draft: ProxyDraft, check: ProtocolCheck) -> None:
    draft.check.kind = "protocol"
    draft.check.protocol = check


OPTIONS: dict[str, Callable[[Reading, ProxyDraft, Line], None]] = {
    "httpchk": httpchk,
    "tcp-check": tcp_check,
    "external-check": external_check,
    "pgsql-check": pgsql,
    "mysql-check": mysql,
    "redis-check": _plain("redis"),
    "ldap-check": _plain("ldap"),
    "ssl-hello-chk": _plain("ssl_hello"),
    "spop-check": _plain("spop"),
    "smtpchk": smtp,
}
"""What stands after `option`."""
