"""`server`, `default-server` and `server-template`: which servers there are. Their words are in `server_words`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import values
from tenbin.configfile.haproxy.directives.common import BACKEND, Arguments, Directive
from tenbin.configfile.haproxy.directives.server_words import words
from tenbin.configfile.haproxy.draft import ServerDraft, inherited
from tenbin.configfile.haproxy.values import Ports

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word

_NAME = re.compile(r"[A-Za-z0-9_.:-]+\Z")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?\Z")
_MOST = 100_000


def server(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`server NAME ADDRESS[:PORT] [WORD ...]`."""
    if len(line.words) < 3:
        reading.error(line, "'server' expects <name> and <addr>[:<port>] as arguments.")
        return
    name = line.words[1]
    if not _name(reading, name):
        return
    made = _made(reading, draft, line, 3)
    made.name, made.word = name.text, name
    made.place = _place(reading, line.words[2])
    if any(one.name == made.name for one in draft.servers):
        other = next(one.word for one in draft.servers if one.name == made.name)
        where = other.line if other else 0
        message = f"another server named '{made.name}' was already defined at line {where}, please use distinct names."
        reading.error(name, message)
        return
    draft.servers.append(made)


def default_server(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`default-server [WORD ...]`."""
    words(reading, draft.default_server, Arguments(reading, line), default=True)


def server_template(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`server-template PREFIX N|LOW-HIGH NAME[:PORT] [WORD ...]`: servers for the addresses of a name."""
    if len(line.words) < 4:
        reading.error(line, "'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.")
        return
    prefix, count, address = line.words[1:4]
    found = _RANGE.match(count.text)
    low, high = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    if found and not found[2]:
        low, high = 1, low
    if not _name(reading, prefix) or not 0 < low <= high < _MOST:
        reading.error(count, f"invalid number or range '{count.text}' for 'server-template'.")
        return
    made = _made(reading, draft, line, 4)
    made.place = _place(reading, address)
    for number in range(low, high + 1):
        one = inherited(made)
        one.name, one.word = f"{prefix.text}{number}", address
        draft.servers.append(one)
    if high > low:
        reading.approximated(address, "each of these servers takes the first address of the name")


def _made(reading: Reading, draft: ProxyDraft, line: Line, start: int) -> ServerDraft:
    made = inherited(draft.default_server)
    words(reading, made, Arguments(reading, line, start), default=False)
    return made


def _name(reading: Reading, word: Word) -> bool:
    if _NAME.match(word.text):
        return True
    stray = next(char for char in word.text or " " if not _NAME.match(char))
    reading.error(word, f"character '{stray}' is not permitted in server name '{word.text}'.")
    return False


def _place(reading: Reading, word: Word) -> values.Place | None:
    try:
        place = values.place(word.text, reading.environment)
    except ValueError as error:
        reading.error(word, f"'server' : {error}.")
        return None
    if isinstance(place, Ports):
        if place.high > place.low:
            reading.error(word, f"'server' : port ranges are not supported in '{word.text}'.")
            return None
        if not place.host:
            return Ports("0.0.0.0", place.low, place.low, place.relative)  # noqa: S104 - it stands for this machine
    return place


DIRECTIVES = {
    "server": Directive(server, BACKEND, in_defaults=False),
    "default-server": Directive(default_server, BACKEND),
    "server-template": Directive(server_template, BACKEND, in_defaults=False),
}
