"""`log`, and the formats of lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import values
from tenbin.configfile.haproxy.directives.common import FRONTEND, Arguments, Directive, one_word
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Envelope, Inherited, LogTarget, UnixAddress

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.configfile.haproxy.values import Ports

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_OF_TLS = re.compile(r"%(\{[^}]*\})?sslc|ssl_c_ca_err|ssl_fc_cipher|ssl_c_err|ssl_c_[is]_|ssl_fc_curve|ssl_f_")


def log(reading: Reading, draft: ProxyDraft, line: Line, prefix: str = "") -> None:
    """`log global`, `log TARGET ...`, `no log`."""
    if prefix == "no":
        draft.logs, draft.log_global = [], False
    elif len(line.words) == 2 and line.words[1].text == "global":
        draft.log_global = True
    else:
        found = target(reading, line)
        if found:
            draft.logs.append(found)


def target(reading: Reading, line: Line) -> LogTarget | None:
    """`log ADDRESS [len N] [format F] [sample R:N] [profile P] FACILITY [LEVEL [LEAST]]`."""
    arguments = Arguments(reading, line)
    where = arguments.take()
    if where is None:
        return None
    address = _address(reading, where)
    length, envelope, sample = 1024, Envelope.RFC3164, 0
    ranges: tuple[tuple[int, int], ...] = ()
    while arguments and arguments.rest[0].text in ("len", "format", "sample", "profile"):
        word = arguments.text()
        if word == "len":
            length = arguments.number(80)
        elif word == "format":
            envelope = _envelope(reading, arguments)
        elif word == "sample":
            sample, ranges = _sample(reading, arguments)
        else:
            arguments.take()
            reading.ignored(line, "profiles of lines are not done: the format of the frontend holds")
    facility = arguments.text() if arguments else ""
    if facility not in FACILITIES:
        message = f"unknown log facility '{facility}'" if facility else "expects <address> and <facility> as arguments."
        reading.error(arguments.last, message, did_you_mean(facility, FACILITIES))
        return None
    level = _level(reading, arguments, 7)
    least = _level(reading, arguments, 0)
    if arguments:
        reading.error(arguments.rest[0], f"'log' cannot handle unexpected argument '{arguments.rest[0].text}'.")
    if address is None:
        return None
    number = FACILITIES.index(facility)
    return LogTarget(address, envelope, number, level, least, length, sample, ranges)


def log_format(attribute: str) -> Directive:
    """A directive that gives a format."""

    def read(reading: Reading, draft: ProxyDraft, line: Line) -> None:
        word = one_word(reading, line)
        setattr(draft, attribute, word)
        if attribute == "error_format" and word is not None and _OF_TLS.search(word.text):
            reading.approximated(word, "of a handshake that fails neither suites nor places in a chain are told")

    return Directive(read, FRONTEND, 1)


def _address(reading: Reading, word: Word) -> str | None:
    text = word.text
    if text in ("stdout", "stderr"):
        return text
    if text.startswith(("ring@", "backend@")):
        reading.refused(word, f"'{text}': lines go to a file descriptor, a socket or a syslog server.")
        return None
    dgram = text.removeprefix("udp@").removeprefix("udp4@").removeprefix("udp6@")
    if text.startswith(("tcp@", "tcp4@", "tcp6@")):
        reading.refused(word, "lines are not sent over TCP.", "syslog servers listen on UDP, too")
        return None
    try:
        place = values.place(dgram, reading.environment)
    except ValueError as error:
        reading.error(word, f"'log' : {error}.")
        return None
    if isinstance(place, Inherited):
        return f"fd@{place.fd}"
    if isinstance(place, UnixAddress):
        return f"{'abns' if place.abstract else 'unix'}@{place.path}"
    return _udp(reading, word, place)


def _udp(reading: Reading, word: Word, place: Ports) -> str | None:
    if not place.host:
        reading.error(word, f"'log' : '{word.text}' is no address.")
        return None
    port = place.low or 514
    host = place.host
    return f"udp@[{host}]:{port}" if ":" in host else f"udp@{host}:{port}"


def _envelope(reading: Reading, arguments: Arguments) -> Envelope:
    text = arguments.text()
    if text in (one.value for one in Envelope):
        return Envelope(text)
    names = [one.value for one in Envelope]
    reading.error(arguments.last, f"unknown log format '{text}'.", did_you_mean(text, names))
    return Envelope.RFC3164


def _sample(reading: Reading, arguments: Arguments) -> tuple[int, tuple[tuple[int, int], ...]]:
    text = arguments.text()
    ranges, _, size = text.rpartition(":")
    try:
        pairs = tuple(_range(one) for one in ranges.split(","))
        most = int(size)
    except ValueError:
        most, pairs = 0, ((0, 0),)
    if any(not 0 < low <= high <= most for low, high in pairs):
        reading.error(arguments.last, f"malformed sampling range '{text}'.", "such as `sample 1,3-4:10`")
        return 0, ()
    return most, pairs


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def _level(reading: Reading, arguments: Arguments, default: int) -> int:
    if not arguments:
        return default
    text = arguments.text()
    if text not in LEVELS:
        reading.error(arguments.last, f"unknown log level '{text}'.", did_you_mean(text, LEVELS))
        return default
    return LEVELS.index(text)


DIRECTIVES = {
    "log": Directive(log, least=0, negated=True),
    "log-format": log_format("log_format"),
    "error-log-format": log_format("error_format"),
    "log-format-sd": log_format("structured_format"),
}
