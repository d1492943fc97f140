r"""Splits a line of HAProxy's language into words, as HAProxy's own splitter does.

Owns quotes (`"..."`, `'...'`), escapes (`\ `, `\#`, `\x41`, ...), comments, and variables of the environment, which
stand for something only within double quotes. Follows section 2.2 and 2.3 of HAProxy's configuration manual. Knows
nothing of what the words mean.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_WORDS = 64
"""HAProxy takes so many words of a line."""


class Word(NamedTuple):
    """A word as it is meant; `start` and `end` are where it stands in its line's text, quotes and all.

    `column` counts from 1.
    """

    text: str
    start: int
    end: int
    line: int
    column: int
    file: str

    @property
    def position(self) -> str:
        """`file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"


class Line(NamedTuple):
    """The words of one line; `text` is the line as it was written."""

    words: tuple[Word, ...]
    file: str
    number: int
    text: str

    @property
    def position(self) -> str:
        """`file:line:column` of the first word."""
        return self.words[0].position if self.words else f"{self.file}:{self.number}:1"


class LexicalError(ValueError):
    """A line cannot be split; `start` is the offset of what is wrong, counted from 0."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start


def split(text: str, file: str, number: int, environment: Mapping[str, str]) -> Line:
    """Split one line. Raises `LexicalError` with HAProxy's words for it."""
    if not _SPECIAL.search(text):
        words = tuple(
            Word(match[0], match.start(), match.end(), number, match.start() + 1, file)
            for match in _PLAIN_WORD.finditer(text)
        )
        return Line(words, file, number, text)
    return Line(tuple(_Splitter(text, file, number, environment).words()), file, number, text)


_SPECIAL = re.compile(r"""["'\\#]""")
_PLAIN_WORD = re.compile(r"\S+")
_RUN = re.compile(r"""[^\s"'\\#$]+""")
_NAME = re.compile(r"\.?[A-Za-z_]\w*", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]{2}")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r"}
_LITERAL = " \\#\"'$"
_SPACES = " \t\r\n\v\f"


class _Splitter:
    """The state while one line is read."""

    def __init__(self, text: str, file: str, number: int, environment: Mapping[str, str]) -> None:
        self._text = text
        self._file = file
        self._number = number
        self._environment = environment
        self._at = 0
        self._quote = ""
        self._quote_at = 0
        self._parts: list[str] = []
        self._begun = -1
        self._words: list[Word] = []

    def words(self) -> list[Word]:
        text, size = self._text, len(self._text)
        while self._at < size:
            char = text[self._at]
            if char == "#" and not self._quote:
                break
            if char in _SPACES and not self._quote:
                self._end_word(self._at)
                self._at += 1
                continue
            if self._begun < 0:
                self._begun = self._at
            self._take(char)
        if self._quote:
            raise LexicalError("unmatched quote", self._quote_at)
        self._end_word(self._at)
        return self._words

    def _take(self, char: str) -> None:
        """Read what begins with this character within a word."""
        if char in "\"'" and self._quote in ("", char):
            self._quote = "" if self._quote else char
            self._quote_at = self._at
            self._at += 1
        elif char == "\\" and self._quote != "'":
            self._escape()
        elif char == "$" and self._quote == '"':
            self._variable()
        elif run := _RUN.match(self._text, self._at):
            self._parts.append(run[0])
            self._at = run.end()
        else:
            self._parts.append(char)
            self._at += 1

    def _escape(self) -> None:
        following = self._text[self._at + 1 : self._at + 2]
        if following == "x":
            digits = _HEX.match(self._text, self._at + 2)
            if not digits:
                raise LexicalError("truncated or invalid hexadecimal sequence", self._at)
            self._parts.append(bytes.fromhex(digits[0]).decode("latin-1"))
            self._at += 4
        elif following and (following in _ESCAPES or following in _LITERAL):
            self._parts.append(_ESCAPES.get(following, following))
            self._at += 2
        else:
            self._parts.append("\\")
            self._at += 1

    def _variable(self) -> None:
        text, start = self._text, self._at
        at = start + 1
        brace = text[at : at + 1] == "{"
        at += brace
        name = _NAME.match(text, at)
        if not name:
            raise LexicalError("forbidden first char in environment variable name", at)
        at = name.end()
        value = self._value(name[0])
        spread = brace and text[at : at + 1] == "["
        if spread:
            if text[at : at + 3] != "[*]":
                raise LexicalError("truncated or invalid word expansion sequence", at)
            at += 3
        if brace:
            end = text.find("}", at) if text[at : at + 1] == "-" else at
            if end < 0 or text[end : end + 1] != "}":
                raise LexicalError("unmatched brace in environment variable name", start)
            if value is None and end > at:
                value = text[at + 1 : end]
            at = end + 1
        self._at = at
        self._put(value, spread=spread)

    def _put(self, value: str | None, *, spread: bool) -> None:
        """Add the value of a variable; one that is not set leaves no word behind when nothing else is in it."""
        if value is None:
            return
        if not spread:
            self._parts.append(value)
            return
        pieces = re.split(r"\s+", value)
        for place, piece in enumerate(pieces):
            self._parts.append(piece)
            if place < len(pieces) - 1:
                start = self._begun
                self._end_word(self._at)
                self._begun = start

    def _value(self, name: str) -> str | None:
        if name == ".LINE":
            return str(self._number)
        if name == ".FILE":
            return self._file
        return self._environment.get(name)

    def _end_word(self, end: int) -> None:
        if self._begun < 0:
            return
        text = "".join(self._parts)
        self._words.append(Word(text, self._begun, end, self._number, self._begun + 1, self._file))
        self._parts.clear()
        self._begun = -1
