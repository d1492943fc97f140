"""Answers of our own: `errorfile`, `errorloc`, `http-error`, `errorfiles`, and the page for monitors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import FRONTEND, Arguments, Directive, one_word
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Answer, Const

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.model import Expression

STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504)
"""What can be answered with one's own text."""


def errorfile(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`errorfile CODE FILE`."""
    found = file_answer(reading, line)
    if found:
        draft.answers[found[0]] = found[1]


def file_answer(reading: Reading, line: Line) -> tuple[int, Answer] | None:
    """The status and the answer of an `errorfile` line."""
    if len(line.words) < 3:
        reading.error(line, f"'{line.words[0].text}' expects <status_code> and <file> as arguments.")
        return None
    code = _code(reading, line.words[1])
    data = _read(reading, line.words[2])
    if code is None or data is None:
        return None
    if not data:
        reading.approximated(line, "an answer without a body is sent, where HAProxy says nothing at all")
        return code, Answer(code, _REASONS.get(code, ""))
    answer = parse(data)
    if answer is None:
        reading.error(line.words[2], f"unable to parse the errorfile '{line.words[2].text}': it is no HTTP message.")
        return None
    return code, answer


def errorloc(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`errorloc CODE URL`, with 302 or 303."""
    if len(line.words) < 3:
        reading.error(line, f"'{line.words[0].text}' expects <status_code> and <url> as arguments.")
        return
    code = _code(reading, line.words[1])
    status = 303 if line.words[0].text == "errorloc303" else 302
    if code is not None:
        reason = "See Other" if status == 303 else "Found"
        headers = (("location", Const(line.words[2].text)),)
        draft.answers[code] = Answer(status, reason, (("cache-control", Const("no-cache")), *headers))


def http_error(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`http-error status CODE [content-type T] [string S|lf-string|file F|lf-file|errorfile F|...] [hdr N V]`."""
    arguments = Arguments(reading, line)
    made = _Page()
    while arguments:
        word = arguments.text()
        read = _PAGE_WORDS.get(word)
        if read is None:
            reading.error(arguments.last, f"unknown keyword '{word}' in 'http-error'.", did_you_mean(word, _PAGE_WORDS))
            return
        read(reading, made, arguments)
    if not made.status:
        reading.error(line, "'http-error' expects 'status' and a code.")
    elif made.whole is not None:
        draft.answers[made.status] = made.whole
    elif not made.default:
        headers = [*made.headers]
        if made.content_type:
            headers.insert(0, ("content-type", Const(made.content_type)))
        reason = _REASONS.get(made.status, "")
        draft.answers[made.status] = Answer(made.status, reason, tuple(headers), made.body)


@dataclass(slots=True)
class _Page:
    """What an `http-error` line says; `whole` is a message as it stands in a file."""

    status: int = 0
    content_type: str = ""
    body: bytes = b""
    headers: list[tuple[str, Expression]] = field(default_factory=list)
    whole: Answer | None = None
    default: bool = False


def _status(reading: Reading, made: _Page, arguments: Arguments) -> None:
    made.status = _code(reading, arguments.take()) or 0


def _type(_reading: Reading, made: _Page, arguments: Arguments) -> None:
    made.content_type = arguments.text()


def _text(reading: Reading, made: _Page, arguments: Arguments) -> None:
    if arguments.last.text.startswith("lf-"):
        reading.approximated(arguments.last, "the text is sent as it stands, without values in it")
    made.body = arguments.text().encode()


def _file(reading: Reading, made: _Page, arguments: Arguments) -> None:
    if arguments.last.text.startswith("lf-"):
        reading.approximated(arguments.last, "the text is sent as it stands, without values in it")
    made.body = _read(reading, arguments.take()) or b""


def _message(reading: Reading, made: _Page, arguments: Arguments) -> None:
    data = _read(reading, arguments.take())
    made.whole = parse(data) if data else None


def _field(_reading: Reading, made: _Page, arguments: Arguments) -> None:
    name = arguments.text()
    made.headers.append((name.lower(), Const(arguments.text())))


def _default(_reading: Reading, made: _Page, _arguments: Arguments) -> None:
    made.default = True


def _section(reading: Reading, made: _Page, arguments: Arguments) -> None:
    made.default = True
    reading.approximated(arguments.last, "the built-in text is sent")
    arguments.take()


def errorfiles(_reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`errorfiles NAME [CODE ...]`: those of an `http-errors` section, found when all sections are known."""
    draft.answers_of += line.words[1:2]
    draft.answers_of += line.words[2:]


def monitor_uri(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`monitor-uri PATH`: answered with 200 at once."""
    draft.monitor_uri = one_word(reading, line)


def monitor(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`monitor fail if ...`: what makes the monitor's answer 503."""
    if len(line.words) < 4 or line.words[1].text != "fail" or line.words[2].text not in ("if", "unless"):
        reading.error(line, "'monitor fail' requires either 'if' or 'unless' followed by a condition.")
        return
    draft.phrases.append(line)


def parse(data: bytes) -> Answer | None:
    """The answer that a file holds as a whole message; None when it is no message."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        head, separator, body = data.partition(b"\n\n")
    lines = head.replace(b"\r\n", b"\n").decode("latin-1").split("\n")
    first = lines[0].split(" ", 2)
    if len(first) < 2 or not first[0].startswith("HTTP/1.") or not first[1].isdigit():
        return None
    headers: list[tuple[str, Expression]] = []
    for one in lines[1:]:
        name, colon, value = one.partition(":")
        if not colon:
            return None
        if name.lower() not in _FRAMING:
            headers.append((name.strip().lower(), Const(value.strip())))
    return Answer(int(first[1]), first[2] if len(first) > 2 else "", tuple(headers), body)


_FRAMING = ("content-length", "transfer-encoding", "connection")
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    407: "Proxy Authentication Required", 408: "Request Time-out", 410: "Gone", 413: "Payload Too Large",
    421: "Misdirected Request", 422: "Unprocessable Content", 425: "Too Early", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Time-out",
}  # fmt: skip


_PAGE_WORDS: dict[str, Callable[[Reading, _Page, Arguments], None]] = {
    "status": _status,
    "content-type": _type,
    "string": _text,
    "lf-string": _text,
    "file": _file,
    "lf-file": _file,
    "errorfile": _message,
    "errorfiles": _section,
    "default-errorfiles": _default,
    "hdr": _field,
}


def _code(reading: Reading, word: Word | None) -> int | None:
    if word is None:
        return None
    if not word.text.isdigit() or int(word.text) not in STATUSES:
        known = ",".join(str(one) for one in STATUSES)
        reading.error(word, f"status code '{word.text}' not handled: it is one of {known}.")
        return None
    return int(word.text)


def _read(reading: Reading, word: Word | None) -> bytes | None:
    if word is None:
        return None
    if word.text == "/dev/null":
        return b""
    try:
        return reading.read_file(word.text).data
    except OSError as error:
        reading.error(word, f"error opening file <{word.text}>: {error.strerror or error}.")
        return None


DIRECTIVES = {
    "errorfile": Directive(errorfile),
    "errorloc": Directive(errorloc),
    "errorloc302": Directive(errorloc),
    "errorloc303": Directive(errorloc),
    "http-error": Directive(http_error, least=1),
    "errorfiles": Directive(errorfiles, least=1),
    "monitor-uri": Directive(monitor_uri, FRONTEND, 1),
    "monitor": Directive(monitor, FRONTEND, 1, in_defaults=False),
}
