"""The lines of a proxy that hold expressions: read in the order of the file, now that all names are known.

Rules of the `defaults` that a proxy inherits come first, with ACLs of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.directives.common import BACKEND, FRONTEND
from tenbin.configfile.haproxy.directives.table import TABLE
from tenbin.model import Capture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line
    from tenbin.model import Expression, PersistRule, Route, Rule, StickRule, Table, UseServer

_TCP_PHASES = {
    ("tcp-request", "connection"): "connection",
    ("tcp-request", "session"): "session",
    ("tcp-request", "content"): "content",
    ("tcp-response", "content"): "answer_content",
}
_HTTP_PHASES = {"http-request": "request", "http-response": "answer", "http-after-response": "after"}


@dataclass(slots=True)
class Lines:
    """What the lines of a proxy came to; `rules` by phase, `monitor` the conditions under which it fails."""

    scope: Scope
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    redirects: list[Rule] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    stick: list[StickRule] = field(default_factory=list)
    use_server: list[UseServer] = field(default_factory=list)
    persist: list[PersistRule] = field(default_factory=list)
    monitor: list[Expression] = field(default_factory=list)
    cookie: tuple[str, int] = ("", 0)

    def of(self, phase: str) -> tuple[Rule, ...]:
        """The rules of a phase."""
        return tuple(self.rules.get(phase, ()))


def read(reading: Reading, draft: ProxyDraft, scope: Scope) -> Lines:
    """Read all lines of a proxy and of the defaults it inherits."""
    made = Lines(scope)
    reading.section = f"{draft.kind} {draft.name}"
    if draft.inherited is not None:
        parent = replace(scope, acls={}, parent=None)
        for line in draft.inherited.phrases:
            if TABLE[line.words[0].text].sides & _sides(draft):
                _line(reading, Lines(parent, made.rules), line)
    _tables_and_limits_first(reading, made, draft)
    for line in draft.phrases:
        if line.words[0].text not in ("stick-table", "filter"):
            _line(reading, made, line)
    return made


def _sides(draft: ProxyDraft) -> int:
    return (FRONTEND if draft.is_frontend else 0) | (BACKEND if draft.is_backend else 0)


def _tables_and_limits_first(reading: Reading, made: Lines, draft: ProxyDraft) -> None:
    """They may be declared behind the rules that use them."""
    for line in draft.phrases:
        if line.words[0].text == "filter":
            phrases.bandwidth_limit(reading, made.scope, line.words[1:])
        if line.words[0].text != "stick-table":
            continue
        table = phrases.stick_table(reading, made.scope, draft.name, line.words[1:])
        if table is not None:
            made.tables.append(table)


def _line(reading: Reading, made: Lines, line: Line) -> None:
    name = line.words[0].text
    if name in _HTTP_PHASES or name in ("tcp-request", "tcp-response"):
        _rule(reading, made, line)
    else:
        _READERS[name](reading, made, line)


def _rule(reading: Reading, made: Lines, line: Line) -> None:
    name = line.words[0]
    if name.text in _HTTP_PHASES:
        phase, rest = _HTTP_PHASES[name.text], line.words[1:]
        if not made.scope.reads_requests:
            message = (
                f"'{name.text}' rules ignored for {made.scope.kind} '{made.scope.name}' as they require HTTP mode."
            )
            reading.warning(name, message)
            reading.ignored(line, "the mode is tcp")
            return
    else:
        phase = _TCP_PHASES.get((name.text, line.words[1].text), "")
        rest = line.words[2:]
        if not phase or (phase in ("connection", "session") and not made.scope.is_frontend):
            known = "'inspect-delay', 'connection', 'session' and 'content'"
            word = line.words[1]
            message = f"'{name.text}' expects {known} in {made.scope.kind} '{made.scope.name}' (got '{word.text}')."
            reading.error(word, message)
            return
        if not rest:
            reading.error(line, f"'{name.text} {line.words[1].text}' expects an action.")
            return
    rule = phrases.rule(reading, made.scope, phase, rest)
    if rule is not None:
        made.rules.setdefault(phase, []).append(rule)


def _acl(reading: Reading, made: Lines, line: Line) -> None:
    phrases.acl(reading, made.scope, line.words[1:])


def _use_backend(reading: Reading, made: Lines, line: Line) -> None:
    route = phrases.use_backend(reading, made.scope, line.words[1:])
    if route is not None:
        made.routes.append(route)


def _use_server(reading: Reading, made: Lines, line: Line) -> None:
    one = phrases.use_server(reading, made.scope, line.words[1:])
    if one is not None:
        made.use_server.append(one)


def _stick(reading: Reading, made: Lines, line: Line) -> None:
    one = phrases.stick_rule(reading, made.scope, line.words[1:])
    if one is not None:
        made.stick.append(one)


def _redirect(reading: Reading, made: Lines, line: Line) -> None:
    rule = phrases.redirect(reading, made.scope, line.words[1:])
    if rule is not None:
        made.redirects.append(rule)


def _persist(reading: Reading, made: Lines, line: Line) -> None:
    force = line.words[0].text == "force-persist"
    one = phrases.persist(reading, made.scope, line.words[1:], force=force)
    if one is not None:
        made.persist.append(one)


def _monitor(reading: Reading, made: Lines, line: Line) -> None:
    condition = phrases.condition(reading, made.scope, line.words[2:], "request")
    if condition is not None:
        made.monitor.append(condition)


def _capture(reading: Reading, made: Lines, line: Line) -> None:
    """`capture request|response header NAME len N` and `capture cookie NAME len N`."""
    words = [word.text for word in line.words[1:]]
    if words[:1] == ["cookie"]:
        if len(words) != 4 or words[2] != "len" or not words[3].isdigit():
            reading.error(line, "'capture cookie' expects 'cookie' <cookie_name> 'len' <len>.")
        else:
            made.cookie = words[1], int(words[3])
    elif len(words) == 5 and words[1] == "header" and words[3] == "len" and words[4].isdigit():
        if words[0] not in ("request", "response"):
            reading.error(line.words[1], "'capture' expects 'cookie', 'request header' or 'response header'.")
        made.scope.captures.append(Capture(words[0] == "response", words[2].lower(), int(words[4])))
    else:
        reading.error(line, "'capture' expects 'request|response header' <header_name> 'len' <len>.")


def _declare(reading: Reading, made: Lines, line: Line) -> None:
    """`declare capture request|response len N`."""
    words = [word.text for word in line.words[1:]]
    if len(words) != 4 or words[0] != "capture" or words[2] != "len" or not words[3].isdigit():
        reading.error(line, "'declare' expects 'capture' <request|response> 'len' <len>.")
        return
    made.scope.captures.append(Capture(words[1] == "response", "", int(words[3])))


_READERS: dict[str, Callable[[Reading, Lines, Line], None]] = {
    "acl": _acl,
    "use_backend": _use_backend,
    "use-server": _use_server,
    "stick": _stick,
    "redirect": _redirect,
    "force-persist": _persist,
    "ignore-persist": _persist,
    "monitor": _monitor,
    "capture": _capture,
    "declare": _declare,
}
