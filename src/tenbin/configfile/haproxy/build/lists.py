"""Lines of a crt-list: a certificate, in brackets what holds for the clients that get it, and the hosts that it is for.

Owns how such a line is split: as no other line is, without quotes, and brackets need no spaces around them. What the
words in brackets mean is `directives.secure`'s.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tenbin.configfile.haproxy.directives import secure
from tenbin.configfile.haproxy.directives.common import Arguments
from tenbin.configfile.haproxy.draft import TlsDraft
from tenbin.configfile.haproxy.lexer import Line, Word

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.configfile.haproxy.context import Reading

_PART = re.compile(r"[^\s\[\]]+|[\[\]]")
_BRACKETS = ("[", "]")


class Entry(NamedTuple):
    """A line: the certificate, what its brackets say of it, and its hosts; () for those that it names itself."""

    certificate: Word
    said: TlsDraft | None
    names: tuple[str, ...]


def entries(reading: Reading, path: Path) -> list[Entry]:
    """The lines of a file; what is wrong with one is told. Raises `OSError`."""
    name = str(path)
    texts = path.read_text(encoding="utf-8", errors="replace").split("\n")
    reading.texts[name] = texts
    found = []
    for number, text in enumerate(texts, 1):
        if text.lstrip().startswith("#"):
            continue
        words = tuple(
            Word(one[0], one.start(), one.end(), number, one.start() + 1, name) for one in _PART.finditer(text)
        )
        if words and (entry := _entry(reading, Line(words, name, number, text))) is not None:
            found.append(entry)
    return found


def _entry(reading: Reading, line: Line) -> Entry | None:
    first, *rest = line.words
    texts = [word.text for word in rest]
    if first.text in _BRACKETS:
        reading.error(first, "a line of a crt-list begins with the file of a certificate.")
        return None
    said = None
    if "[" in texts or "]" in texts:
        if texts[0] != "[" or texts.count("[") != 1 or texts.count("]") != 1:
            reading.error(line, "expects one pair of brackets, behind the file of the certificate.")
            return None
        closing, said = texts.index("]"), TlsDraft()
        secure.options(reading, said, Arguments(reading, line._replace(words=line.words[: closing + 1]), 2))
        texts = texts[closing + 1 :]
    return Entry(first, said, tuple(text.lower() for text in texts if text.lstrip("!") != "*"))
