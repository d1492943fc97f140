"""Helpers of directives: arguments as narrow values, with HAProxy's words when they are missing or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tenbin.configfile.haproxy import values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word


FRONTEND = 1
BACKEND = 2
BOTH = 3


class Directive(NamedTuple):
    """How a directive is read: its sides, how many words follow its name (`most` -1: any), and where it may stand."""

    read: Callable[[Reading, ProxyDraft, Line], None]
    sides: int = BOTH
    least: int = 0
    most: int = -1
    in_defaults: bool = True
    negated: bool = False


class Arguments:
    """The words of a line after its name, taken one by one."""

    def __init__(self, reading: Reading, line: Line, start: int = 1) -> None:
        self._reading = reading
        self._words = line.words
        self._at = start

    def __bool__(self) -> bool:
        return self._at < len(self._words)

    @property
    def rest(self) -> Sequence[Word]:
        """What was not taken."""
        return self._words[self._at :]

    @property
    def last(self) -> Word:
        """The word that was taken last."""
        return self._words[self._at - 1]

    def take(self) -> Word | None:
        """The next word; None, and an error, when there is none."""
        if self:
            self._at += 1
            return self._words[self._at - 1]
        self._reading.error(self.last, f"'{self.last.text}' expects an argument.")
        return None

    def text(self) -> str:
        """The next word's text, "" when there is none."""
        word = self.take()
        return word.text if word else ""

    def milliseconds(self, unit: str = "ms") -> int:
        """The next word as a time."""
        name, word = self.last.text, self.take()
        return milliseconds(self._reading, word, name, unit) if word else 0

    def number(self, low: int = 0, high: int = (1 << 31) - 1) -> int:
        """The next word as a number."""
        name, word = self.last.text, self.take()
        return number(self._reading, word, name, low, high) if word else low

    def skip(self, count: int) -> None:
        """Leave words out."""
        self._at = min(self._at + count, len(self._words))


def milliseconds(reading: Reading, word: Word, name: str, unit: str = "ms") -> int:
    """A word as a time; what is wrong with it is told, and 0 stands for it."""
    try:
        return values.milliseconds(word.text, unit)
    except ValueError as error:
        hint = "a time is a number with a unit: us, ms, s, m, h or d"
        reading.error(word, f"{error} in argument to <{name}> '{word.text}'.", hint)
        return 0


def number(reading: Reading, word: Word, name: str, low: int = 0, high: int = (1 << 31) - 1) -> int:
    """A word as a number; what is wrong with it is told, and `low` stands for it."""
    try:
        return values.number(word.text, low, high)
    except ValueError as error:
        reading.error(word, f"'{name}' : {error}.")
        return low


def one_word(reading: Reading, line: Line) -> Word | None:
    """The only argument of a line."""
    if len(line.words) < 2:
        reading.error(line, f"'{line.words[0].text}' expects an argument.")
        return None
    no_more(reading, line, 2)
    return line.words[1]


def no_more(reading: Reading, line: Line, count: int) -> None:
    """Tell of words after so many."""
    if len(line.words) > count:
        name = " ".join(word.text for word in line.words[:1])
        word = line.words[count]
        reading.error(word, f"'{name}' cannot handle unexpected argument '{word.text}'.")
