"""`stats ...` of a proxy: its page of statistics."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import Arguments, Directive
from tenbin.configfile.haproxy.draft import StatsDraft
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line


def stats(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`stats KEYWORD ...`."""
    arguments = Arguments(reading, line)
    name = arguments.text() if arguments else ""
    read = _KEYWORDS.get(name)
    if read is None:
        known = ", ".join(f"'{one}'" for one in _KEYWORDS)
        place = arguments.last
        reading.error(place, f"unknown stats parameter '{name}' (expects {known}).", did_you_mean(name, _KEYWORDS))
        return
    if draft.kind == "defaults" and name in ("admin", "http-request"):
        reading.error(arguments.last, f"'stats {name}' not allowed in 'defaults' section.")
        return
    if draft.stats is None:
        draft.stats = StatsDraft(line)
    read(reading, draft.stats, arguments)
    if name in ("admin", "http-request") and len(line.words) > 2:
        lines = draft.stats.admin if name == "admin" else draft.stats.rules
        lines.append(line)


def _nothing(_reading: Reading, _page: StatsDraft, _arguments: Arguments) -> None:
    """Each `stats` line makes the page; the word needs nothing more."""


def _uri(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    page.uri = arguments.text()


def _realm(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    page.realm = arguments.text()


def _refresh(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    page.refresh = arguments.milliseconds("s") // 1000


def _auth(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    user, _, password = arguments.text().partition(":")
    page.users.append((user, password))


def _scope(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    page.scope.append(arguments.text())


def _node(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    page.node = arguments.text() if arguments else socket.gethostname()


def _description(_reading: Reading, page: StatsDraft, arguments: Arguments) -> None:
    page.description = " ".join(word.text for word in arguments.rest)


def _hide_version(_reading: Reading, page: StatsDraft, _arguments: Arguments) -> None:
    page.hide_version = True


def _legends(_reading: Reading, page: StatsDraft, _arguments: Arguments) -> None:
    page.legends = True


def _modules(_reading: Reading, page: StatsDraft, _arguments: Arguments) -> None:
    page.modules = True


def _admin(reading: Reading, _page: StatsDraft, arguments: Arguments) -> None:
    if not arguments or arguments.rest[0].text not in ("if", "unless"):
        reading.error(arguments.last, "'stats admin' requires either 'if' or 'unless' followed by a condition.")


def _http_request(reading: Reading, _page: StatsDraft, arguments: Arguments) -> None:
    word = arguments.text()
    if word not in ("allow", "deny", "auth"):
        reading.error(arguments.last, f"'stats http-request' expects 'allow', 'deny' or 'auth', not '{word}'.")


_KEYWORDS: dict[str, Callable[[Reading, StatsDraft, Arguments], None]] = {
    "admin": _admin,
    "uri": _uri,
    "realm": _realm,
    "auth": _auth,
    "scope": _scope,
    "enable": _nothing,
    "hide-version": _hide_version,
    "show-node": _node,
    "show-desc": _description,
    "show-legends": _legends,
    "show-modules": _modules,
    "refresh": _refresh,
    "http-request": _http_request,
}

DIRECTIVES = {"stats": Directive(stats)}
