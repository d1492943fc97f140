"""The plain settings of a proxy: mode, timeouts, limits, retries, and what identifies it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import (
    BACKEND,
    BOTH,
    FRONTEND,
    Arguments,
    Directive,
    milliseconds,
    no_more,
    one_word,
)
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line

_TIMEOUTS = {
    "client": FRONTEND, "http-request": BOTH, "http-keep-alive": BOTH, "client-fin": FRONTEND, "client-hs": FRONTEND,
    "connect": BACKEND, "server": BACKEND, "server-fin": BACKEND, "queue": BACKEND, "check": BACKEND,
    "tunnel": BACKEND, "tarpit": BOTH,
}  # fmt: skip
_OLD_TIMEOUTS = {"clitimeout": "client", "contimeout": "connect", "srvtimeout": "server"}
_STATUSES = (
    "401", "403", "404", "408", "421", "425", "429", "500", "501", "502", "503", "504",
)  # fmt: skip
_RETRY_ON = ("conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected", *_STATUSES)
_RETRIABLE = ("conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected", "500", "502")
_RETRIABLE_LATER = ("503", "504")


def mode(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`mode http|tcp`."""
    word = one_word(reading, line)
    if word is None:
        return
    if word.text in ("http", "tcp"):
        draft.mode = word.text
    elif word.text == "health":
        message = "mode 'health' doesn't exist anymore. Please use 'http-request return status 200' instead."
        reading.error(word, message)
    elif word.text in ("log", "spop", "haterm"):
        reading.refused(word, f"mode '{word.text}' is not done by Tenbin.", "it balances http and tcp")
    else:
        reading.error(word, f"unknown proxy mode '{word.text}'.", did_you_mean(word.text, ("http", "tcp")))


def timeout(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`timeout NAME TIME`."""
    name = line.words[1] if len(line.words) > 1 else None
    if name is None or name.text not in _TIMEOUTS:
        known = "client connect server queue check tunnel tarpit http-request http-keep-alive client-fin server-fin"
        message = f"unknown timeout '{name.text if name else ''}' (must be one of {', '.join(known.split())})."
        reading.error(name or line, message, did_you_mean(name.text if name else "", _TIMEOUTS))
        return
    if len(line.words) < 3:
        reading.error(line, f"'timeout {name.text}' expects an integer value (in milliseconds).")
        return
    no_more(reading, line, 3)
    value = milliseconds(reading, line.words[2], f"timeout {name.text}")
    draft.timeouts[name.text] = value
    side = _TIMEOUTS[name.text]
    if not ((side & FRONTEND and draft.is_frontend) or (side & BACKEND and draft.is_backend)):
        kind = "frontend" if side == FRONTEND else "backend"
        message = f"'timeout {name.text}' will be ignored because {draft.kind} '{draft.name}' has no {kind} capability."
        reading.warning(name, message)
        reading.ignored(line, f"a {draft.kind} has no {kind} side")


def _old_timeout(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    name = line.words[0].text
    new = _OLD_TIMEOUTS[name]
    reading.error(line, f"the '{name}' directive is not supported anymore since HAProxy 2.1. Use 'timeout {new}'.")
    del draft


def _count(attribute: str, low: int = 0) -> Callable[[Reading, ProxyDraft, Line], None]:
    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        arguments = Arguments(reading, line)
        setattr(draft, attribute, arguments.number(low))
        no_more(reading, line, 2)

    return read


def _text(attribute: str) -> Callable[[Reading, ProxyDraft, Line], None]:
    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        word = one_word(reading, line)
        setattr(draft, attribute, word.text if word else "")

    return read


def _word(attribute: str) -> Callable[[Reading, ProxyDraft, Line], None]:
    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        setattr(draft, attribute, one_word(reading, line))

    return read


def _delay(attribute: str) -> Callable[[Reading, ProxyDraft, Line], None]:
    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        setattr(draft, attribute, Arguments(reading, line, 2).milliseconds())

    return read


def _switch(value: bool) -> Callable[[Reading, ProxyDraft, Line], None]:
    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        no_more(reading, line, 1)
        draft.disabled = value

    return read


def rate_limit(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`rate-limit sessions N`: connections a second."""
    arguments = Arguments(reading, line)
    if arguments.text() != "sessions":
        reading.error(line, "'rate-limit' only supports 'sessions'.")
        return
    draft.rate = arguments.number()


def retry_on(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`retry-on REASON ...`."""
    reasons: list[str] = []
    for word in line.words[1:]:
        if word.text == "none":
            if len(line.words) > 2:
                reading.error(word, "'retry-on none' is incompatible with other reasons.")
            draft.retry_on = ()
            return
        if word.text == "all-retryable-errors":
            reasons += (*_RETRIABLE, *_RETRIABLE_LATER)
        elif word.text in _RETRY_ON:
            reasons.append(word.text)
        else:
            hint = did_you_mean(word.text, (*_RETRY_ON, "all-retryable-errors", "none"))
            reading.error(word, f"'retry-on': unknown keyword '{word.text}'.", hint)
    if len(line.words) < 2:
        reading.error(line, "'retry-on' needs at least one keyword to specify when to retry.")
    draft.retry_on = tuple(dict.fromkeys(reasons))


def http_reuse(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`http-reuse never|safe|aggressive|always`."""
    word = one_word(reading, line)
    known = ("never", "safe", "aggressive", "always")
    if word is None:
        return
    if word.text not in known:
        message = "'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'."
        reading.error(word, message, did_you_mean(word.text, known))
        return
    draft.reuse = word.text
    if word.text == "aggressive":
        reading.approximated(line, "connections are reused as with `always`, so also those that were never reused")


def source(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`source ADDRESS`: connections to servers come from there."""
    arguments = Arguments(reading, line)
    draft.source = _source_address(arguments.text())
    while arguments:
        word = arguments.text()
        arguments.skip(1)
        if word in ("usesrc", "interface"):
            reading.refused(line, f"'source' with '{word}' needs rights that Tenbin does not take.")
        else:
            message = f"'source' only supports optional keywords 'interface' and 'usesrc', not '{word}'."
            reading.error(line, message)


def _source_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    return host if port in ("", "0") and host else text


def unique_id_header(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`unique-id-header NAME`."""
    word = one_word(reading, line)
    draft.unique_header = word.text if word else ""


def description(_reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`description TEXT`."""
    draft.description = line.words[1].text if len(line.words) > 1 else ""


def inspect_delay(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`tcp-request inspect-delay TIME`, and of answers."""
    delay = Arguments(reading, line, 2).milliseconds()
    if line.words[0].text == "tcp-request":
        draft.inspect_delay = delay
    else:
        draft.answer_inspect_delay = delay


def filter_(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`filter NAME ...`: limits of bandwidth; `filter compression` says nothing of its own."""
    word = line.words[1]
    if word.text == "compression":
        reading.ignored(line, "`compression` lines say what is compressed")
    elif word.text in ("bwlim-in", "bwlim-out"):
        draft.phrases.append(line)
    elif word.text in _FILTERS:
        reading.refused(word, f"'filter {word.text}' is not part of Tenbin.")
    else:
        reading.error(word, f"unknown filter '{word.text}'.", did_you_mean(word.text, _FILTERS))


_FILTERS = (
    "bwlim-in", "bwlim-out", "cache", "compression", "comp-req", "comp-res", "fcgi-app", "opentracing", "spoe", "trace",
)  # fmt: skip


def no_effect(why: str) -> Callable[[Reading, ProxyDraft, Line], None]:
    """A directive that is accepted and does nothing."""

    def read(reading: Reading, _draft: ProxyDraft, line: Line) -> None:
        reading.ignored(line, why)

    return read


def not_done(why: str, hint: str = "") -> Callable[[Reading, ProxyDraft, Line], None]:
    """A directive that cannot be left out without meaning something else."""

    def read(reading: Reading, _draft: ProxyDraft, line: Line) -> None:
        reading.refused(line, f"'{line.words[0].text}': {why}", hint)

    return read


_KERNEL = "the kernel's own settings hold"

DIRECTIVES = {
    "mode": Directive(mode, BOTH, 1),
    "timeout": Directive(timeout, BOTH),
    **{name: Directive(_old_timeout) for name in _OLD_TIMEOUTS},
    "maxconn": Directive(_count("maxconn"), FRONTEND, 1),
    "fullconn": Directive(_count("fullconn"), BACKEND, 1),
    "backlog": Directive(_count("backlog"), FRONTEND, 1),
    "id": Directive(_count("number", 1), BOTH, 1, in_defaults=False),
    "retries": Directive(_count("retries"), BACKEND, 1),
    "rate-limit": Directive(rate_limit, FRONTEND, 1),
    "retry-on": Directive(retry_on, BACKEND),
    "http-reuse": Directive(http_reuse, BACKEND, 1),
    "source": Directive(source, BACKEND, 1),
    "http-send-name-header": Directive(_text("send_name"), BACKEND, 1),
    "unique-id-format": Directive(_word("unique_format"), FRONTEND, 1),
    "unique-id-header": Directive(unique_id_header, FRONTEND, 1),
    "default_backend": Directive(_word("default_backend"), FRONTEND, 1),
    "enabled": Directive(_switch(value=False)),
    "disabled": Directive(_switch(value=True)),
    "description": Directive(description, BOTH, 1, in_defaults=False),
    "guid": Directive(no_effect("objects are known by their names"), in_defaults=False),
    "log-tag": Directive(_text("log_tag"), BOTH, 1),
    "load-server-state-from-file": Directive(no_effect("states of servers survive a reload and a restart anyway")),
    "server-state-file-name": Directive(no_effect("states of servers survive a reload and a restart anyway")),
    "bind-process": Directive(no_effect("there is one process")),
    "max-keep-alive-queue": Directive(no_effect("an idle connection is used whenever there is one"), BACKEND, 1),
    "max-session-srv-conns": Directive(no_effect("connections are not bound to a client"), FRONTEND, 1),
    **{
        f"{side}tcpka-{what}": Directive(no_effect(_KERNEL), sides, 1)
        for side, sides in (("cli", FRONTEND), ("srv", BACKEND))
        for what in ("cnt", "idle", "intvl")
    },
    "log-steps": Directive(no_effect("a line is written where HAProxy writes it without this"), FRONTEND),
    "force-be-switch": Directive(no_effect("backends cannot be unpublished")),
    "email-alert": Directive(no_effect("mail is not sent; see the journal of events and the metrics")),
    "dispatch": Directive(not_done("connections go to a server", "write `server NAME ADDRESS`"), in_defaults=False),
    "filter": Directive(filter_, BOTH, 1, in_defaults=False),
    "use-fcgi-app": Directive(not_done("FastCGI is not spoken")),
}
