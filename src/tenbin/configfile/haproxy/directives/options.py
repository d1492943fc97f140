"""`option ...`: switches, and the options that take arguments. Those of checks are in `checks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tenbin.configfile.haproxy.directives import checks, forwarding
from tenbin.configfile.haproxy.directives.common import BACKEND, BOTH, FRONTEND, Arguments, Directive, no_more
from tenbin.configfile.haproxy.phrases.formats import FORMATS
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line


class _Switch(NamedTuple):
    """A switch: `why` it is ignored, "" when it is carried out; `as_if` the way it is nearly carried out."""

    sides: int
    why: str = ""
    nearly: str = ""


_KEPT = "how the kernel treats connections is left to it"
_LENIENT = "messages are parsed strictly on both sides"

SWITCHES = {
    "abortonclose": _Switch(BACKEND),
    "allbackups": _Switch(BACKEND),
    "dontlog-normal": _Switch(FRONTEND),
    "dontlognull": _Switch(FRONTEND),
    "http-buffer-request": _Switch(BOTH),
    "log-separate-errors": _Switch(FRONTEND),
    "logasap": _Switch(FRONTEND),
    "persist": _Switch(BACKEND),
    "log-health-checks": _Switch(BACKEND),
    "checkcache": _Switch(BACKEND, nearly="answers that could be cached with a cookie are not refused"),
    "clitcpka": _Switch(FRONTEND, _KEPT),
    "srvtcpka": _Switch(BACKEND, _KEPT),
    "contstats": _Switch(FRONTEND, "counters are always up to date"),
    "disable-h2-upgrade": _Switch(FRONTEND, nearly="HTTP/2 by prior knowledge is still understood"),
    "h1-case-adjust-bogus-client": _Switch(FRONTEND, "names of headers are sent as they came"),
    "h1-case-adjust-bogus-server": _Switch(BACKEND, "names of headers are sent as they came"),
    "http-drop-request-trailers": _Switch(BACKEND, "trailers are passed on"),
    "http-drop-response-trailers": _Switch(FRONTEND, "trailers are passed on"),
    "http-ignore-probes": _Switch(FRONTEND, "what a client sends before it leaves is not answered anyway"),
    "http-no-delay": _Switch(BOTH, "nothing is delayed anyway"),
    "http-pretend-keepalive": _Switch(BACKEND, "connections to servers are kept open anyway"),
    "http-use-htx": _Switch(BOTH, "it has no effect in HAProxy either"),
    "http-use-proxy-header": _Switch(FRONTEND, "`Proxy-Connection` is an ordinary header"),
    "idle-close-on-response": _Switch(FRONTEND, "idle connections end after their next answer on reload anyway"),
    "independent-streams": _Switch(BOTH, "each direction has its own time anyway"),
    "nolinger": _Switch(BOTH, _KEPT),
    "prefer-last-server": _Switch(BACKEND, nearly="the balancing algorithm chooses for each request"),
    "socket-stats": _Switch(FRONTEND, "counters are per frontend"),
    "splice-auto": _Switch(BOTH, "data is spliced where that is faster"),
    "splice-request": _Switch(BOTH, "data is spliced where that is faster"),
    "splice-response": _Switch(BOTH, "data is spliced where that is faster"),
    "tcp-smart-accept": _Switch(FRONTEND, _KEPT),
    "tcp-smart-connect": _Switch(BACKEND, _KEPT),
    "accept-invalid-http-request": _Switch(FRONTEND, _LENIENT),
    "accept-invalid-http-response": _Switch(BACKEND, _LENIENT),
    "accept-unsafe-violations-in-http-request": _Switch(FRONTEND, _LENIENT),
    "accept-unsafe-violations-in-http-response": _Switch(BACKEND, _LENIENT),
    "use-small-buffers": _Switch(BOTH, "buffers are of one size"),
    "tcp-ka": _Switch(BOTH, _KEPT),
    "http-server-close": _Switch(BOTH),
    "httpclose": _Switch(BOTH, nearly="connections of clients stay open between requests, those of servers do not"),
    "http-keep-alive": _Switch(BOTH),
    "tcpka": _Switch(BOTH, _KEPT),
}
_CLOSING = ("http-server-close", "httpclose", "http-keep-alive")


def option(reading: Reading, draft: ProxyDraft, line: Line, prefix: str = "") -> None:
    """`option NAME ...`; `prefix` is `no` or `default`."""
    if len(line.words) < 2:
        reading.error(line, "'option' expects an option name.")
        return
    word = line.words[1]
    switch = SWITCHES.get(word.text)
    if switch is not None:
        _switch(reading, draft, line, prefix)
        return
    read = _WITH_ARGUMENTS.get(word.text)
    if read is None:
        known = (*SWITCHES, *_WITH_ARGUMENTS)
        reading.error(word, f"unknown option '{word.text}'.", did_you_mean(word.text, known))
    elif prefix and word.text not in _NEGATED:
        reading.error(word, f"negation/default is not supported for option '{word.text}'.")
    elif prefix:
        _NEGATED[word.text](draft)
    else:
        sides = _SIDES.get(word.text, BOTH)
        if _has_side(reading, draft, line, sides):
            read(reading, draft, line)


def _switch(reading: Reading, draft: ProxyDraft, line: Line, prefix: str) -> None:
    name = line.words[1].text
    switch = SWITCHES[name]
    if len(line.words) > 2:
        message = f"'option {name}' cannot handle unexpected argument '{line.words[2].text}'."
        reading.error(line.words[2], message)
    if not _has_side(reading, draft, line, switch.sides):
        return
    if prefix == "default":
        reading.error(line.words[1], f"'option {name}' cannot be preceded by 'default'.", f"write `no option {name}`")
    else:
        if name in _CLOSING and not prefix:
            for other in _CLOSING:
                draft.options.pop(other, None)
        draft.options[name] = not prefix
    if prefix:
        return
    if switch.why:
        reading.ignored(line, switch.why)
    elif switch.nearly:
        reading.approximated(line, switch.nearly)


def _has_side(reading: Reading, draft: ProxyDraft, line: Line, sides: int) -> bool:
    if (sides & FRONTEND and draft.is_frontend) or (sides & BACKEND and draft.is_backend):
        return True
    kind = "frontend" if sides == FRONTEND else "backend"
    name = f"option {line.words[1].text}"
    reading.warning(line.words[1], f"'{name}' ignored because {draft.kind} '{draft.name}' has no {kind} capability.")
    reading.ignored(line, f"a {draft.kind} has no {kind} side")
    return False


def _redispatch(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    draft.redispatch = -1
    if len(line.words) > 2:
        draft.redispatch = Arguments(reading, line, 2).number(-(1 << 31))
    no_more(reading, line, 3)


def _log(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """One of the formats that have names; an empty one is the default line."""
    name = line.words[1].text
    style = line.words[2].text if len(line.words) > 2 else ""
    if style and (style != "clf" or name == "httpslog"):
        reading.error(line.words[2], f"keyword '{name}' only supports option 'clf'.")
        return
    no_more(reading, line, 3)
    draft.log_format = line.words[1]._replace(text=FORMATS[style or name])


def _restrict(reading: Reading, _draft: ProxyDraft, line: Line) -> None:
    arguments = Arguments(reading, line, 2)
    if not arguments:
        reading.error(
            line, "missing parameter. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete'."
        )
        return
    if arguments.text() not in ("preserve", "reject", "delete"):
        reading.error(
            arguments.last, "unknown value for option 'http-restrict-req-hdr-names': 'preserve', 'reject' or 'delete'."
        )
    elif arguments.last.text != "preserve":
        reading.approximated(
            line, "only names with an underscore are looked at, others are refused if they are no token"
        )
        _draft.options[f"names-{arguments.last.text}"] = True


def _transparent(reading: Reading, _draft: ProxyDraft, line: Line) -> None:
    reading.refused(line, "'option transparent' needs rights that Tenbin does not take.", "name the servers")


def _no_redispatch(draft: ProxyDraft) -> None:
    draft.redispatch = 0


_WITH_ARGUMENTS: dict[str, Callable[[Reading, ProxyDraft, Line], None]] = {
    **forwarding.OPTIONS,
    "redispatch": _redispatch,
    "httplog": _log,
    "tcplog": _log,
    "httpslog": _log,
    "http-restrict-req-hdr-names": _restrict,
    "transparent": _transparent,
    **checks.OPTIONS,
}
_SIDES = {
    "redispatch": BACKEND,
    "httplog": FRONTEND,
    "tcplog": FRONTEND,
    "httpslog": FRONTEND,
    "transparent": BACKEND,
    "forwarded": BACKEND,
    **dict.fromkeys(checks.OPTIONS, BACKEND),
}
_NEGATED: dict[str, Callable[[ProxyDraft], None]] = {
    "redispatch": _no_redispatch,
    **forwarding.NEGATED,
}

DIRECTIVES = {"option": Directive(option, BOTH, negated=True)}
