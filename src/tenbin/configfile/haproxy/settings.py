"""The `global` section: the process, its limits, its runtime API, and what holds for all proxies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import values
from tenbin.configfile.haproxy.directives import logs, secure
from tenbin.configfile.haproxy.directives.common import Arguments
from tenbin.configfile.haproxy.draft import TlsDraft
from tenbin.configfile.haproxy.global_words import IGNORED, REFUSED
from tenbin.configfile.haproxy.values import Ports
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Level, RuntimeSocket, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.model import LogTarget


@dataclass(slots=True)
class Global:
    """What the `global` sections say together."""

    maxconn: int = 0
    connection_rate: int = 0
    session_rate: int = 0
    handshake_rate: int = 0
    threads: int = 0
    logs: list[LogTarget] = field(default_factory=list)
    log_tag: str = ""
    log_host: str = ""
    sockets: list[RuntimeSocket] = field(default_factory=list)
    socket_timeout: int = 10_000
    pidfile: str = ""
    daemon: bool = False
    master: bool = False
    user: Word | None = None
    group: Word | None = None
    node: str = ""
    description: str = ""
    hard_stop_after: int = 0
    spread: int = 0
    programs: bool = False
    certificates: str = ""
    keys: str = ""
    authorities: str = ""
    bind_tls: TlsDraft = field(default_factory=TlsDraft)
    server_tls: TlsDraft = field(default_factory=TlsDraft)
    verify_servers: bool = True
    variables: list[Line] = field(default_factory=list)
    headers: int = 101
    buffer: int = 16_384
    rewrite: int = 1024
    streams: int = 100


def read(reading: Reading, settings: Global, line: Line) -> None:
    """Read a line of a `global` section."""
    word = line.words[0]
    if word.text in ("no", "default") and len(line.words) > 1 and line.words[1].text in _SWITCHES:
        reading.ignored(line, IGNORED.get(line.words[1].text, "it has no effect here"))
        return
    reader = _READERS.get(word.text)
    if reader is not None:
        reading.exact(line)
        reader(reading, settings, Arguments(reading, line))
    elif word.text in IGNORED or word.text.startswith(("tune.lua.", "tune.quic.", "tune.h3.")):
        reading.ignored(line, IGNORED.get(word.text, "it is of a part that Tenbin does not have"))
    elif word.text in REFUSED:
        reading.refused(word, f"'{word.text}': {REFUSED[word.text]}.")
    else:
        hint = did_you_mean(word.text, (*_READERS, *IGNORED, *REFUSED))
        reading.error(word, f"unknown keyword '{word.text}' in 'global' section", hint)


def socket(reading: Reading, words: Arguments) -> RuntimeSocket | None:
    """`stats socket ADDRESS [level L] [mode M] [user U] ...`."""
    word = words.take()
    if word is None:
        return None
    level, mode, exposes = Level.OPERATOR, 0, False
    while words:
        name = words.text()
        if name == "level":
            level = _level(reading, words)
        elif name == "mode":
            mode = int(words.text() or "0", 8) if words and words.rest[0].text.isdigit() else 0
        elif name == "expose-fd":
            exposes = words.text() == "listeners" or exposes
        elif name in (
            "user",
            "group",
            "uid",
            "gid",
            "severity-output",
            "maxconn",
            "process",
            "thread",
            "name",
            "id",
        ):
            words.take()
        elif name not in ("accept-proxy", "ssl"):
            reading.error(words.last, f"'stats socket' : unknown keyword '{name}'.", did_you_mean(name, _SOCKET_WORDS))
    try:
        place = values.place(word.text, reading.environment)
    except ValueError as error:
        reading.error(word, f"'stats socket' : {error}")
        return None
    if isinstance(place, Ports):
        if not place.low:
            reading.error(word, f"'stats socket' : missing port number: '{word.text}'")
            return None
        return RuntimeSocket(values.address(place), level, 0, word.position, exposes)
    if isinstance(place, UnixAddress):
        place = UnixAddress(place.path, place.abstract, mode)
    return RuntimeSocket(place, level, 0, word.position, exposes)


_SOCKET_WORDS = ("level", "mode", "user", "group", "uid", "gid", "expose-fd", "severity-output", "maxconn")


def _level(reading: Reading, words: Arguments) -> Level:
    text = words.text()
    if text not in ("user", "operator", "admin"):
        reading.error(words.last, f"'level' only supports 'user', 'operator', and 'admin' (got '{text}').")
        return Level.USER
    return Level(text)


def _stats(reading: Reading, settings: Global, words: Arguments) -> None:
    name = words.text()
    if name == "socket":
        found = socket(reading, words)
        if found:
            settings.sockets.append(found)
    elif name == "timeout":
        settings.socket_timeout = words.milliseconds()
    elif name in ("maxconn", "bind-process"):
        words.take()
    else:
        message = "'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{}')."
        reading.error(words.last, message.format(name))


def _number(attribute: str, low: int = 0) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(_reading: Reading, settings: Global, words: Arguments) -> None:
        setattr(settings, attribute, words.number(low))

    return read_it


def _text(attribute: str) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(_reading: Reading, settings: Global, words: Arguments) -> None:
        setattr(settings, attribute, words.text())

    return read_it


def _word(attribute: str) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(_reading: Reading, settings: Global, words: Arguments) -> None:
        setattr(settings, attribute, words.take())

    return read_it


def _set(attribute: str) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(_reading: Reading, settings: Global, _words: Arguments) -> None:
        setattr(settings, attribute, True)

    return read_it


def _hard_stop(_reading: Reading, settings: Global, words: Arguments) -> None:
    settings.hard_stop_after = words.milliseconds()


def _spread(_reading: Reading, settings: Global, words: Arguments) -> None:
    settings.spread = words.number(0, 50)


def _threads(_reading: Reading, settings: Global, words: Arguments) -> None:
    settings.threads = words.number(1, 64)


def _log(reading: Reading, settings: Global, words: Arguments) -> None:
    line = reading.line_of(words.last)
    found = logs.target(reading, line)
    if found:
        settings.logs.append(found)


def _log_host(_reading: Reading, settings: Global, words: Arguments) -> None:
    settings.log_host = words.text() if words else "-"


def _variable(reading: Reading, settings: Global, words: Arguments) -> None:
    settings.variables.append(reading.line_of(words.last))


def _verify(reading: Reading, settings: Global, words: Arguments) -> None:
    text = words.text()
    if text not in ("none", "required"):
        reading.error(words.last, f"'ssl-server-verify' expects 'none' or 'required' (got '{text}').")
    settings.verify_servers = text != "none"


def _tls_text(side: str, attribute: str) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(_reading: Reading, settings: Global, words: Arguments) -> None:
        setattr(getattr(settings, side), attribute, words.text())

    return read_it


def _tls_options(side: str) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(reading: Reading, settings: Global, words: Arguments) -> None:
        known = secure.OF_LISTENERS if side == "bind_tls" else secure.OF_SERVERS
        draft: TlsDraft = getattr(settings, side)
        while words:
            name = words.text()
            if name == "strict-sni":
                draft.strict_sni = True
            elif name in known:
                known[name](reading, draft, words)
            else:
                reading.error(words.last, f"unknown option '{name}' on global statement.", did_you_mean(name, known))

    return read_it


def _tls_groups(side: str) -> Callable[[Reading, Global, Arguments], None]:
    def read_it(reading: Reading, settings: Global, words: Arguments) -> None:
        secure.WORDS["curves"](reading, getattr(settings, side), words)

    return read_it


_SWITCHES = ("busy-polling", "set-dumpable", "strict-limits", "insecure-fork-wanted", "numa-cpu-mapping")
_READERS: dict[str, Callable[[Reading, Global, Arguments], None]] = {
    "maxconn": _number("maxconn"),
    "maxconnrate": _number("connection_rate"),
    "maxsessrate": _number("session_rate"),
    "maxsslrate": _number("handshake_rate"),
    "nbthread": _threads,
    "log": _log,
    "log-tag": _text("log_tag"),
    "log-send-hostname": _log_host,
    "stats": _stats,
    "pidfile": _text("pidfile"),
    "daemon": _set("daemon"),
    "external-check": _set("programs"),
    "master-worker": _set("master"),
    "user": _word("user"),
    "group": _word("group"),
    "uid": _word("user"),
    "gid": _word("group"),
    "node": _text("node"),
    "description": _text("description"),
    "hard-stop-after": _hard_stop,
    "spread-checks": _spread,
    "crt-base": _text("certificates"),
    "key-base": _text("keys"),
    "ca-base": _text("authorities"),
    "ssl-default-bind-options": _tls_options("bind_tls"),
    "ssl-default-server-options": _tls_options("server_tls"),
    "ssl-default-bind-ciphers": _tls_text("bind_tls", "ciphers"),
    "ssl-default-bind-ciphersuites": _tls_text("bind_tls", "suites"),
    "ssl-default-server-ciphers": _tls_text("server_tls", "ciphers"),
    "ssl-default-server-ciphersuites": _tls_text("server_tls", "suites"),
    "ssl-default-bind-curves": _tls_groups("bind_tls"),
    "ssl-default-server-curves": _tls_groups("server_tls"),
    "ssl-server-verify": _verify,
    "set-var": _variable,
    "set-var-fmt": _variable,
    "tune.bufsize": _number("buffer", 1024),
    "tune.maxrewrite": _number("rewrite"),
    "tune.http.maxhdr": _number("headers", 1),
    "tune.h2.max-concurrent-streams": _number("streams", 1),
    "tune.h2.fe.max-concurrent-streams": _number("streams", 1),
}
