"""Actions that answer: `deny`, `tarpit`, `return`, `redirect`, `auth`, and answers from files.

An `Answer` without headers, body and text means the proxy's own answer of that status, except for `return`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from tenbin.configfile.expression.known import known
from tenbin.configfile.haproxy.phrases import logformat
from tenbin.configfile.haproxy.phrases.words import Wrong
from tenbin.model.expression import Concat, Const, Convert, Expression, Fetch
from tenbin.model.rules import Act, Answer, Verb

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.phrases.actions.line import Line

OWN_STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504)
"""Statuses that HAProxy has an answer of its own for."""

_CODES = (301, 302, 303, 307, 308)
_UNCACHED = (302, 303, 307)
_BODIES = ("file", "lf-file", "string", "lf-string", "errorfile", "errorfiles", "default-errorfiles")
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: ([^\r\n]*))?\r?\n")
_DEFAULT = "default-errorfiles"


@dataclass(slots=True)
class _Reply:
    """An answer while its words are read."""

    status: int
    is_explicit: bool = False
    """It was said with `status`: without a body there is none."""
    content_type: str = ""
    kind: str = ""
    headers: list[tuple[str, Expression]] = field(default_factory=list)
    body: bytes = b""
    text: Expression | None = None
    whole: Answer | None = None


def deny(line: Line) -> Act:
    """`deny` and `tarpit`, with a status and an answer."""
    default = 500 if line.name == "tarpit" else 502 if line.phase == "answer" else 403
    reply = _reply(line, default)
    verb = Verb.TARPIT if line.name == "tarpit" else Verb.DENY
    return Act(verb, answer=_answer(line, reply))


def respond(line: Line) -> Act:
    """`return`."""
    reply = _reply(line, 200)
    return Act(Verb.RETURN, answer=_answer(line, reply), method=_DEFAULT if reply.kind == _DEFAULT else "")


def auth(line: Line) -> Act:
    """`auth [realm TEXT]`."""
    realm = line.take("a realm").text if line.phrase.skip("realm") else line.place.scope.name
    return Act(Verb.AUTH, name=realm)


def from_file(data: bytes, path: str) -> Answer:
    """Read a whole answer, head and body, as `errorfile` names one. Raises `Wrong`."""
    head = _STATUS_LINE.match(data)
    if not head:
        raise Wrong(f"unable to parse custom error file '{path}': it does not begin with a status line")
    end = re.search(rb"\r?\n\r?\n", data[head.end() - 2 :])
    stop = head.end() - 2 + end.start() if end else len(data)
    body = data[head.end() - 2 + end.end() :] if end else b""
    headers = []
    for raw in data[head.end() : max(stop, head.end())].split(b"\n"):
        name, colon, value = raw.strip().partition(b":")
        lower = name.strip().lower()
        if colon and lower not in (b"content-length", b"connection", b"transfer-encoding"):
            headers.append((name.strip().decode("latin-1"), Const(value.strip().decode("latin-1"))))
    return Answer(int(head[1]), (head[2] or b"").decode("latin-1"), tuple(headers), body)


def redirect(line: Line) -> Act:
    """`redirect location|prefix|scheme ...`, also as a directive of its own."""
    kind, target, code = "", "", 302
    headers: list[tuple[str, Expression]] = []
    options: set[str] = set()
    phrase = line.phrase
    while not phrase.in_condition:
        word = phrase.take("")
        match word.text:
            case "location" | "prefix" | "scheme":
                kind, to = word.text, line.take(f"missing argument for '{word.text}'")
                target = to.text
                value = line.text(to)
            case "code":
                code = _code(line.take("a code"))
            case "set-cookie" | "clear-cookie":
                headers.append(_cookie(word.text, line.take("the name of a cookie").text))
            case "drop-query" | "append-slash" | "ignore-empty" | "keep-query":
                options.add(word.text)
            case other:
                message = (
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query', "
                    f"'ignore-empty' or 'append-slash' (was '{other}')"
                )
                raise phrase.wrong(message)
    if not kind:
        raise Wrong("expects 'location', 'prefix' or 'scheme'").at(line.word)
    location = value if kind == "location" else _location(kind, target, value, options)
    if code in _UNCACHED:
        headers.insert(0, ("cache-control", Const("no-cache")))
    answer = Answer(code, headers=tuple(headers)) if headers else None
    method = "ignore-empty" if "ignore-empty" in options else ""
    return Act(Verb.REDIRECT, value=location, number=code, answer=answer, method=method)


def _location(kind: str, target: str, value: Expression, options: set[str]) -> Expression:
    """The place that a request goes to when only the beginning of its URL changes."""
    path: Expression = Fetch("path")
    if "drop-query" not in options:
        path = Fetch("pathq") if "pathq" in known().fetches else Fetch("url")
    if "append-slash" in options:
        path = Convert("regsub", path, ("([^/])$", "\\1/"))
    start = value.of if isinstance(value, Concat) else (value,)
    if kind == "scheme":
        return Concat((*start, Const("://"), Fetch("req.hdr", ("host",)), path))
    return Concat((path,)) if target == "/" else Concat((*start, path))


def _code(word: Word) -> int:
    if not word.text.isdigit() or int(word.text) not in _CODES:
        raise Wrong(f"'code': unsupported HTTP code '{word.text}' (must be one of 301, 302, 303, 307 or 308)").at(word)
    return int(word.text)


def _cookie(kind: str, text: str) -> tuple[str, Expression]:
    if kind == "clear-cookie":
        return "set-cookie", Const(f"{text}{'' if '=' in text else '='}; path=/; Max-Age=0;")
    return "set-cookie", Const(f"{text}; path=/;")


def _reply(line: Line, status: int) -> _Reply:
    reply = _Reply(status)
    phrase = line.phrase
    while not phrase.in_condition:
        word = phrase.take("")
        match word.text:
            case "status" | "deny_status":
                reply.status = _status(line.take("a status code"))
                reply.is_explicit = word.text == "status"
            case "content-type":
                reply.content_type = line.take("a content type").text
            case "hdr":
                name = line.take("the name of a header").text
                reply.headers.append((name, line.format("the value of a header")))
            case kind if kind in _BODIES:
                if reply.kind:
                    raise phrase.wrong(f"unexpected '{kind}' argument, '{reply.kind}' already defined")
                reply.kind = kind
                _body(line, reply)
            case _:
                break_here = f"expects 'status', 'content-type', 'hdr' or one of {', '.join(_BODIES)}"
                raise phrase.wrong(f"{break_here} (was '{word.text}')")
    if reply.content_type and not reply.kind:
        reason = "ignored by the http reply because neither errorfile nor payload defined"
        line.place.reading.warning(line.word, f"content-type '{reply.content_type}' {reason}")
    return reply


def _status(word: Word) -> int:
    if not word.text.isdigit() or not 200 <= int(word.text) <= 599:
        raise Wrong(f"Unexpected status code '{word.text}'").at(word)
    return int(word.text)


def _body(line: Line, reply: _Reply) -> None:
    """Read the body that an answer's words ask for."""
    reading = line.place.reading
    if reply.kind == _DEFAULT:
        return
    word = line.take(f"an argument after '{reply.kind}'")
    if reply.kind == "errorfiles":
        reply.whole = reading.http_errors.get(word.text, {}).get(reply.status)
        if reply.whole is None:
            raise Wrong(
                f"unable to find an answer of status {reply.status} in the section http-errors '{word.text}'"
            ).at(word)
        return
    if reply.kind in ("string", "lf-string"):
        data = word.text.encode()
    else:
        try:
            data = reading.read_file(word.text).data
        except OSError as error:
            message = f"unable to read the file '{word.text}'"
            raise Wrong(message, hint=(error.strerror or "").lower()).at(word) from None
    try:
        if reply.kind == "errorfile":
            reply.whole = from_file(data, word.text)
        elif reply.kind.startswith("lf-"):
            reply.text = logformat.text_of(line.place, data.decode("utf-8", "replace"))
        else:
            reply.body = data
    except Wrong as wrong:
        raise wrong.at(word) from None


def _answer(line: Line, reply: _Reply) -> Answer:
    if reply.whole is not None:
        headers = (*reply.whole.headers, *reply.headers)
        status = reply.whole.status if reply.kind == "errorfile" else reply.status
        return Answer(status, reply.whole.reason, headers, reply.whole.body)
    own = reply.kind == _DEFAULT or (not reply.kind and line.name != "return" and not reply.is_explicit)
    if own and reply.status not in OWN_STATUSES:
        message = f"status code '{reply.status}' not handled by default with 'default-errorfiles' argument"
        raise Wrong(message, hint="give it a `content-type` and a `string`").at(line.word)
    headers = tuple(reply.headers)
    if reply.body or reply.text is not None:
        if not reply.content_type:
            raise Wrong("a content type must be defined when non-empty payload is configured").at(line.word)
        headers = (("content-type", Const(reply.content_type)), *headers)
    # An answer without anything would mean the page of that status.
    reason = _phrase(reply.status) if reply.is_explicit and not reply.kind else ""
    return Answer(reply.status, reason, headers, reply.body, reply.text)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
