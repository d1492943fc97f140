"""A cursor over the words of a phrase, and how a phrase is given up.

Owns nothing of what words mean. HAProxy stops at the first mistake of a line, and so does this reader: whoever finds
one raises `Wrong`, and the functions that the package publishes tell the `Reading`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.lexer import Word

ANSWER_PHASES = ("answer_content", "answer", "after")


class Wrong(Exception):  # noqa: N818 - it reads as what it is
    """A phrase that cannot be used, and why in HAProxy's words.

    `start` and `end` are offsets into the word where only a part of it is wrong. `refused`: HAProxy would take it.
    """

    def __init__(self, message: str, *, hint: str = "", start: int = 0, end: int = 0, refused: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.start = start
        self.end = end
        self.refused = refused
        self.word: Word | None = None

    def at(self, word: Word, prefix: str = "") -> Wrong:
        """The same, said of a word unless it was said of one already; `prefix` goes before the message."""
        if self.word is None:
            self.word = part(word, self.start, self.end)
        self.message = prefix + self.message
        return self


@dataclass(slots=True)
class Place:
    """Where an expression stands. `phase` is one of the vocabulary's, or "" where anything may be asked."""

    reading: Reading
    scope: Scope
    phase: str = ""
    word: Word | None = None

    @property
    def of_answer(self) -> bool:
        """Whether the server's answer is what is looked at."""
        return self.phase in ANSWER_PHASES


@dataclass(slots=True)
class Phrase:
    """Words that are taken one after the other; `last` is the word that was taken last."""

    words: Sequence[Word]
    at: int = 0
    last: Word = field(init=False)

    def __post_init__(self) -> None:
        self.last = self.words[0]

    def peek(self, ahead: int = 0) -> str:
        """The next word, or "" where there is none."""
        index = self.at + ahead
        return self.words[index].text if index < len(self.words) else ""

    @property
    def more(self) -> bool:
        """Whether there are words left."""
        return self.at < len(self.words)

    @property
    def in_condition(self) -> bool:
        """Whether the next word begins a condition, or there is none."""
        return self.peek() in ("if", "unless") or not self.more

    def take(self, missing: str) -> Word:
        """Take the next word; `missing` is what is said when there is none."""
        if not self.more:
            raise Wrong(missing).at(self.last)
        self.last = self.words[self.at]
        self.at += 1
        return self.last

    def skip(self, text: str) -> bool:
        """Take the next word if it is this one."""
        if self.more and self.peek() == text:
            self.take("")
            return True
        return False

    def rest(self) -> Sequence[Word]:
        """Take all that is left."""
        left = self.words[self.at :]
        self.at = len(self.words)
        return left

    def wrong(self, message: str, *, hint: str = "", refused: bool = False) -> Wrong:
        """What is wrong with the word that was taken last."""
        return Wrong(message, hint=hint, refused=refused).at(self.last)


def part(word: Word, start: int, end: int) -> Word:
    """A part of a word, where its offsets are those of the line; the whole word where quotes or escapes moved them."""
    if not end or word.end - word.start != len(word.text):
        return word
    return word._replace(start=word.start + start, end=word.start + end, column=word.column + start)
