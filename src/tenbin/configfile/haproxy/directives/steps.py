"""The steps of scripted checks: `http-check ...` and `tcp-check ...`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import BACKEND, Arguments, Directive
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import CHECK_CONVERTERS, CHECK_SOURCES, Step, StepKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line

_STATUSES = ("L7OK", "L7OKC", "L6OK", "L4OK", "L7RSP", "L7STS", "L6RSP", "L4CON", "L7TOUT", "L6TOUT", "L4TOUT")
_HTTP_MATCHES = ("status", "rstatus", "hdr", "fhdr", "string", "rstring", "string-lf")
_TCP_MATCHES = ("string", "rstring", "binary", "rbinary", "string-lf", "binary-lf")
_CONNECT_TEXTS: dict[str, Callable[[Step, str], Step]] = {
    "sni": lambda step, text: replace(step, sni=text),
    "alpn": lambda step, text: replace(step, alpn=text),
    "comment": lambda step, text: replace(step, comment=text),
}
_EXPECT_TEXTS: dict[str, Callable[[Step, str], Step]] = {
    "ok-status": lambda step, text: replace(step, ok_status=text),
    "error-status": lambda step, text: replace(step, error_status=text),
    "tout-status": lambda step, text: replace(step, timeout_status=text),
    "on-success": lambda step, text: replace(step, on_success=text),
    "on-error": lambda step, text: replace(step, on_error=text),
    "comment": lambda step, text: replace(step, comment=text),
}
_VARIABLE = re.compile(r"(set-var|set-var-fmt|unset-var)\(([^,)]+)(?:,[^)]*)?\)\Z")
_SCOPES = ("proc", "sess", "txn", "req", "res", "check")
_HOLE = re.compile(r"%\[([^\]]*)\]")
_SOURCE = re.compile(r"([a-z_0-9.]+)(?:\([^)]*\))?\Z")
_PART = re.compile(r"((?:[^,(]|\([^)]*\))+)(?:,|\Z)")
_COMPARISONS = ("str", "beg", "end", "sub", "reg")
_RANGES = re.compile(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*\Z")


def http_check(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`http-check ...`."""
    _own(draft, http=True)
    arguments = Arguments(reading, line)
    word = arguments.text()
    if word == "disable-on-404":
        draft.check.disable_on_404 = True
    elif word == "send-state":
        draft.check.send_state = True
    else:
        _step(reading, draft, line, arguments)


def tcp_check(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`tcp-check ...`."""
    _own(draft, http=False)
    arguments = Arguments(reading, line)
    arguments.take()
    _step(reading, draft, line, arguments)


def _own(draft: ProxyDraft, *, http: bool) -> None:
    """The first step of a section replaces all that were inherited."""
    if draft.check.inherited:
        draft.check.inherited = False
        if http:
            draft.check.steps = []
        else:
            draft.check.tcp_steps = []


def _step(reading: Reading, draft: ProxyDraft, line: Line, arguments: Arguments) -> None:
    http = line.words[0].text == "http-check"
    steps = draft.check.steps if http else draft.check.tcp_steps
    name = arguments.last.text if len(line.words) > 1 else ""
    readers = _HTTP if http else _TCP
    found = _VARIABLE.match(name)
    if found:
        kind = StepKind.UNSET_VAR if found[1] == "unset-var" else StepKind.SET_VAR
        if found[2].partition(".")[0] not in _SCOPES:
            message = f"'{found[1]}' : invalid variable name '{found[2]}'. A variable name must start with its scope."
            reading.error(arguments.last, message, "such as check.name")
        value = " ".join(word.text for word in arguments.rest)
        if found[1] != "unset-var":
            _known(reading, line, _HOLE.findall(value) if found[1] == "set-var-fmt" else [value])
        steps.append(Step(kind, name=found[2], value=value, format=found[1] == "set-var-fmt"))
    elif name in readers:
        step = readers[name](reading, line, arguments)
        if step is not None:
            texts = (step.target, step.pattern, step.header, step.data.decode("latin-1")) if step.format else ()
            said = (*texts, *(text for _, text in step.headers), step.on_success, step.on_error)
            _known(reading, line, [one for text in said for one in _HOLE.findall(text)])
            steps.append(step)
    else:
        known = (*readers, *(("disable-on-404", "send-state") if http else ()))
        message = f"'{line.words[0].text}' expects {', '.join(repr(one) for one in known)}, not '{name}'."
        reading.error(arguments.last, message, did_you_mean(name, known))


def _known(reading: Reading, line: Line, expressions: list[str]) -> None:
    unknown = next((one for one in expressions if not _is_known(one)), None)
    if unknown is not None:
        reading.approximated(line, f"'{unknown}' is not known to checks: the empty text stands for it")


def _is_known(expression: str) -> bool:
    names = [_SOURCE.match(one.strip()) for one in _PART.findall(expression.strip())]
    known = (CHECK_SOURCES, *(CHECK_CONVERTERS for _ in names[1:]))
    return bool(names) and all(found and found[1] in one for found, one in zip(names, known, strict=True))


def _comment(_reading: Reading, _line: Line, arguments: Arguments) -> Step | None:
    return Step(StepKind.COMMENT, comment=arguments.text())


def _connect(reading: Reading, line: Line, arguments: Arguments) -> Step:
    step = Step(StepKind.CONNECT)
    while arguments:
        word = arguments.text()
        if word == "port":
            text = arguments.text()
            if not text.isdigit():
                reading.refused(arguments.last, f"'port {text}': the port of a step is a number.")
            step = replace(step, port=int(text) if text.isdigit() else 0)
        elif word == "ssl":
            step = replace(step, tls=True)
        elif word == "send-proxy":
            step = replace(step, send_proxy=True)
        elif word == "linger":
            pass  # Connections of checks always are closed in the ordinary way.
        elif word in _CONNECT_TEXTS:
            step = _CONNECT_TEXTS[word](step, arguments.text())
        elif word == "addr":
            step = replace(step, host=arguments.text())
        elif word == "default":
            step = replace(step, default=True)
        elif word == "proto":
            reading.refused(arguments.last, f"'{word}' of a step is not done; name it on the server: 'check-proto'.")
            arguments.take()
        elif word == "via-socks4":
            reading.refused(arguments.last, "SOCKS4 is not spoken.")
        else:
            message = f"'connect' expects 'default', 'port', 'addr', 'ssl', 'sni', 'alpn' or others, not '{word}'."
            reading.error(arguments.last, message)
    del line
    return step


def _expect(reading: Reading, line: Line, arguments: Arguments) -> Step | None:
    http = line.words[0].text == "http-check"
    matches = _HTTP_MATCHES if http else _TCP_MATCHES
    step = Step(StepKind.EXPECT)
    while arguments:
        word = arguments.text()
        if word == "!":
            step = replace(step, negate=not step.negate)
        elif word in matches or (word.startswith("!") and word[1:] in matches):
            step = replace(step, negate=step.negate or word.startswith("!"), method=word.lstrip("!"))
            return _pattern(reading, step, arguments)
        elif word in _EXPECT_TEXTS:
            step = _EXPECT_TEXTS[word](step, arguments.text())
            if word.endswith("-status") and arguments.last.text not in _STATUSES:
                hint = did_you_mean(arguments.last.text, _STATUSES)
                reading.error(arguments.last, f"'{word}' does not know '{arguments.last.text}'.", hint)
        elif word == "min-recv":
            step = replace(step, min_recv=arguments.number(-1))
        elif word == "status-code":
            arguments.take()
            reading.ignored(line, "the code of a check is that of the answer")
        else:
            known = (*matches, *_EXPECT_TEXTS, "min-recv")
            reading.error(
                arguments.last,
                f"'expect' only supports min-recv, [!]{', [!]'.join(matches)}, not '{word}'.",
                did_you_mean(word, known),
            )
            return None
    reading.error(line, f"'{line.words[0].text} expect' needs a match and a pattern.")
    return None


def _pattern(reading: Reading, step: Step, arguments: Arguments) -> Step | None:
    if not arguments:
        reading.error(arguments.last, f"'{step.method}' expects a pattern.")
        return None
    if step.method in ("hdr", "fhdr"):
        return _header(reading, step, arguments)
    text = arguments.text()
    if step.method == "status" and not _RANGES.match(text):
        reading.error(arguments.last, f"invalid character in status list '{text}'.", "such as 200,300-399")
    if (
        step.method in ("binary", "rbinary")
        and step.method == "binary"
        and not re.fullmatch(r"([0-9A-Fa-f]{2})+", text)
    ):
        reading.error(arguments.last, f"'{text}' is not an even number of hexadecimal digits.")
    if step.method in ("rstatus", "rstring", "rbinary"):
        try:
            re.compile(text)
        except re.error as error:
            reading.error(arguments.last, f"regex '{text}' is invalid: {error}.")
    formatted = step.method.endswith("-lf")
    return replace(step, method=step.method.removesuffix("-lf"), pattern=text, format=formatted)


def _header(reading: Reading, step: Step, arguments: Arguments) -> Step:
    """`hdr name [-m METHOD] NAME [value [-m METHOD] VALUE]`, either as a log format."""
    name_written = value_written = False
    while arguments:
        word = arguments.text()
        if word == "-m":
            by = arguments.text()
            if by not in _COMPARISONS:
                hint = did_you_mean(by, _COMPARISONS)
                reading.error(arguments.last, f"'-m' expects {', '.join(_COMPARISONS)}, not '{by}'.", hint)
            step = replace(step, pattern_by=by) if step.pattern == "?" else replace(step, header_by=by)
        elif word in ("name", "name-lf"):
            step = replace(step, header="?")
            name_written = word == "name-lf"
        elif word in ("value", "value-lf"):
            step = replace(step, pattern="?")
            value_written = word == "value-lf"
        elif step.pattern == "?":
            step = replace(step, pattern=word)
        elif step.header == "?":
            step = replace(step, header=word)
    if not name_written and not value_written:
        return step
    # One of them is a log format, so both are: what the other one says stands for itself.
    header = step.header if name_written else step.header.replace("%", "%%")
    pattern = step.pattern if value_written else step.pattern.replace("%", "%%")
    return replace(step, header=header, pattern=pattern, format=True)


def _http_send(reading: Reading, line: Line, arguments: Arguments) -> Step:
    step = Step(StepKind.SEND)
    while arguments:
        word = arguments.text()
        if word == "meth":
            step = replace(step, method=arguments.text())
        elif word in ("uri", "uri-lf"):
            step = replace(step, target=arguments.text(), format=step.format or word == "uri-lf")
        elif word == "ver":
            step = replace(step, version=arguments.text())
        elif word == "hdr":
            name, value = arguments.text(), arguments.text()
            formatted = step.format or "%" in value
            step = replace(step, headers=(*step.headers, (name, value)), format=formatted)
        elif word in ("body", "body-lf"):
            step = replace(step, data=arguments.text().encode(), format=step.format or word == "body-lf")
        elif word == "comment":
            step = replace(step, comment=arguments.text())
        else:
            message = f"expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf', not '{word}'."
            reading.error(arguments.last, message)
    del line
    return step


def _tcp_send(reading: Reading, line: Line, arguments: Arguments) -> Step | None:
    name = arguments.last.text
    text = arguments.text()
    data = text.encode("latin-1", "replace") if text.isascii() else text.encode()
    if name.startswith("send-binary") and not name.endswith("-lf"):
        try:
            data = bytes.fromhex(text)
        except ValueError:
            reading.error(arguments.last, f"'{text}' is not an even number of hexadecimal digits.")
            return None
    comment = ""
    if arguments and arguments.text() == "comment":
        comment = arguments.text()
    del line
    return Step(StepKind.SEND, comment=comment, data=data, format=name.endswith("-lf"))


_HTTP: dict[str, Callable[[Reading, Line, Arguments], Step | None]] = {
    "comment": _comment,
    "connect": _connect,
    "send": _http_send,
    "expect": _expect,
}
_TCP: dict[str, Callable[[Reading, Line, Arguments], Step | None]] = {
    "comment": _comment,
    "connect": _connect,
    "send": _tcp_send,
    "send-lf": _tcp_send,
    "send-binary": _tcp_send,
    "send-binary-lf": _tcp_send,
    "expect": _expect,
}

DIRECTIVES = {
    "http-check": Directive(http_check, BACKEND, 1),
    "tcp-check": Directive(tcp_check, BACKEND, 1),
}
