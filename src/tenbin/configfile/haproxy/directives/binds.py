"""`bind`: addresses to listen on, each with its words."""

from __future__ import annotations

import grp
import pwd
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import values
from tenbin.configfile.haproxy.directives import secure
from tenbin.configfile.haproxy.directives.common import FRONTEND, Arguments, Directive
from tenbin.configfile.haproxy.draft import BindDraft, inherited
from tenbin.configfile.haproxy.values import Ports
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.frontend import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word

_MOST_PORTS = 2000
_MOST_BYTES = 65535


def bind(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`bind ADDRESS[,ADDRESS ...] [WORD ...]`."""
    if len(line.words) < 2:
        reading.error(line, "'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.")
        return
    word = line.words[1]
    common = BindDraft(word, Ports("", 0, 0))
    _words(reading, draft, common, Arguments(reading, line, 2))
    for text in word.text.split(","):
        for place in _places(reading, word, text):
            made = inherited(common)
            made.place = place
            if isinstance(place, Ports) and place.host == "::" and made.dual_stack is None:
                reading.approximated(word, "`::` takes IPv6 alone: add `v4v6` for both, or `v6only`")
            draft.binds.append(made)


def _places(reading: Reading, word: Word, text: str) -> list[values.Place]:
    """Each port of a range is an address of its own."""
    try:
        place = values.place(text, reading.environment)
    except ValueError as error:
        reading.error(word, f"'bind' : {error}.")
        return []
    if not isinstance(place, Ports):
        return [place]
    if not place.low or place.relative:
        reading.error(word, f"'bind' : missing port number: '{text}'", f"such as `bind {place.host or '*'}:80`")
        return []
    if place.high - place.low >= _MOST_PORTS:
        reading.refused(word, f"'bind' : {place.high - place.low + 1} ports are more than {_MOST_PORTS}")
        return []
    return [Ports(place.host, port, port) for port in range(place.low, place.high + 1)]


def _words(reading: Reading, draft: ProxyDraft, made: BindDraft, arguments: Arguments) -> None:
    while arguments:
        word = arguments.text()
        if word in _WORDS:
            _WORDS[word](reading, made, arguments)
        elif word in secure.OF_LISTENERS:
            secure.OF_LISTENERS[word](reading, made.tls, arguments)
        elif word in _IGNORED:
            count, why = _IGNORED[word]
            place = arguments.last
            for _ in range(count):
                arguments.take()
            reading.ignored(place, f"`{word}`: {why}")
        elif word in _REFUSED:
            reading.refused(arguments.last, f"'bind' : '{word}': {_REFUSED[word]}")
            return
        else:
            known = (*_WORDS, *secure.OF_LISTENERS, *_IGNORED, *_REFUSED)
            hint = did_you_mean(word, known)
            reading.error(arguments.last, f"'bind' : unknown keyword '{word}'.", hint)
            return
    if made.tls.on and not made.tls.certificates and not made.tls.lists:
        name = draft.name
        hint = "name a file with `crt`"
        message = f"Proxy '{name}': no SSL certificate specified for bind '{made.word.text}' (use 'crt')."
        reading.error(made.word, message, hint)


def _ssl(_reading: Reading, made: BindDraft, _arguments: Arguments) -> None:
    made.tls.on = True


def _list(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    word = arguments.take()
    if word:
        made.tls.lists.append(word)


def _strict(_reading: Reading, made: BindDraft, _arguments: Arguments) -> None:
    made.tls.strict_sni = True


def _accept_proxy(_reading: Reading, made: BindDraft, _arguments: Arguments) -> None:
    made.proxy = True


def _name(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.name = arguments.text()


def _id(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.number = arguments.number(1)


def _maxconn(reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    word = arguments.last
    made.maxconn = arguments.number(1)
    reading.ignored(word, "`maxconn` of an address: that of the frontend holds")


def _protocol(reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.protocol = arguments.text()
    if made.protocol not in ("h1", "h2", "none"):
        hint = did_you_mean(made.protocol, ("h1", "h2"))
        reading.error(arguments.last, f"'proto' : unknown MUX protocol '{made.protocol}'.", hint)


def _mode(reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    text = arguments.text()
    try:
        made.mode = int(text, 8)
    except ValueError:
        reading.error(arguments.last, f"'mode' : '{text}' is no octal number.")


def _uid(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.uid = arguments.number()


def _gid(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.gid = arguments.number()


def _user(reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    name = arguments.text()
    try:
        made.uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        reading.error(arguments.last, f"'user' : '{name}' unknown.")


def _group(reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    name = arguments.text()
    try:
        made.gid = grp.getgrnam(name).gr_gid
    except KeyError:
        reading.error(arguments.last, f"'group' : '{name}' unknown.")


def _backlog(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.backlog = arguments.number()


def _flag(attribute: str, *, value: bool = True) -> Callable[[Reading, BindDraft, Arguments], None]:
    def read(_reading: Reading, made: BindDraft, _arguments: Arguments) -> None:
        setattr(made, attribute, value)

    return read


def _interface(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.interface = arguments.text()


def _user_timeout(_reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    made.user_timeout = arguments.milliseconds()


def _segment(reading: Reading, made: BindDraft, arguments: Arguments) -> None:
    word = arguments.last
    size = arguments.number(-_MOST_BYTES, _MOST_BYTES)
    if not size:
        reading.error(arguments.last, "'mss' : expects an MSS with an absolute value between 1 and 65535.")
    elif size < 0:
        reading.ignored(word, "`mss`: segments are as long as clients allow; give the size itself")
    elif size not in SEGMENTS:
        reading.ignored(word, f"`mss`: Linux takes {SEGMENTS.start} to {SEGMENTS.stop - 1} bytes")
    else:
        made.max_segment = size


def _expect_proxy(reading: Reading, _made: BindDraft, arguments: Arguments) -> None:
    reading.refused(arguments.last, "'expect-proxy' stands in `tcp-request connection`; here it is `accept-proxy`.")


_WORDS: dict[str, Callable[[Reading, BindDraft, Arguments], None]] = {
    "ssl": _ssl,
    "crt-list": _list,
    "strict-sni": _strict,
    "accept-proxy": _accept_proxy,
    "expect-proxy": _expect_proxy,
    "name": _name,
    "id": _id,
    "maxconn": _maxconn,
    "proto": _protocol,
    "mode": _mode,
    "uid": _uid,
    "gid": _gid,
    "user": _user,
    "group": _group,
    "backlog": _backlog,
    "defer-accept": _flag("defer_accept"),
    "interface": _interface,
    "mss": _segment,
    "tcp-ut": _user_timeout,
    "tfo": _flag("fast_open"),
    "transparent": _flag("transparent"),
    "v4v6": _flag("dual_stack"),
    "v6only": _flag("dual_stack", value=False),
}
_KERNEL = "the kernel's own settings hold"
_THREADS = "every thread accepts"
_IGNORED = {
    "cc": (1, _KERNEL),
    "guid-prefix": (1, "objects are known by their names"),
    "label": (1, "objects are known by their names"),
    "idle-ping": (1, "idle clients are not asked"),
    "level": (1, "it is of `stats socket`"),
    "expose-fd": (1, "listening sockets are handed over anyway"),
    "severity-output": (1, "it is of `stats socket`"),
    "nbconn": (1, "it is of reverse connections"),
    "nice": (1, "all tasks have one priority"),
    "process": (1, _THREADS),
    "thread": (1, _THREADS),
    "shards": (1, _THREADS),
    "tcp-md5sig": (1, _KERNEL),
    "tcp-ss": (1, _KERNEL),
}
_REFUSED = {
    "accept-netscaler-cip": "the protocol of NetScaler is not spoken; use the PROXY protocol",
    "ca-sign-file": "certificates are not made on the fly",
    "ca-sign-pass": "certificates are not made on the fly",
    "generate-certificates": "certificates are not made on the fly",
    "ech": "names are not encrypted",
    "namespace": "network namespaces are not entered",
    "quic-cc-algo": "QUIC is not spoken",
    "quic-force-retry": "QUIC is not spoken",
    "quic-socket": "QUIC is not spoken",
    "ssl-f-use": "it is of `crt-store`",
}

DIRECTIVES = {"bind": Directive(bind, FRONTEND, in_defaults=False)}
