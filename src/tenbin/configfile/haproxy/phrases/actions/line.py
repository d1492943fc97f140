"""The words of an action while it is read, and what all actions have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.expression.known import known
from tenbin.configfile.haproxy.phrases import arguments, logformat, samples
from tenbin.configfile.haproxy.phrases.words import Wrong

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.phrases.samples import Typed
    from tenbin.configfile.haproxy.phrases.words import Phrase, Place
    from tenbin.model.expression import Expression


_CONVERTER = re.compile(r"[\w.-]+")


@dataclass(slots=True)
class Line:
    """An action's `name`, its `argument` in parentheses (None: there are none), and the words after it."""

    place: Place
    phrase: Phrase
    name: str
    argument: str | None
    phase: str

    @property
    def word(self) -> Word:
        """The action itself."""
        return self.phrase.words[0]

    def arguments(self, least: int, most: int, usage: str) -> list[str]:
        """What stands in the parentheses."""
        if self.argument is None:
            raise Wrong(f"expects {usage}").at(self.word)
        given, _ = arguments.split(f"({self.argument})", 0)
        if not least <= len(given) <= most:
            raise Wrong(f"expects {usage}").at(self.word)
        return given

    def take(self, usage: str) -> Word:
        """The next word; a condition is not one."""
        if self.phrase.in_condition and not self.phrase.more:
            raise Wrong(f"expects {usage}").at(self.phrase.last)
        return self.phrase.take(f"expects {usage}")

    def format(self, usage: str) -> Expression:
        """The next word as a text."""
        return self.text(self.take(usage))

    def text(self, word: Word) -> Expression:
        """A word as a log format."""
        self.place.word = word
        try:
            return logformat.text_of(self.place, word.text)
        except Wrong as wrong:
            raise wrong.at(word) from None

    def sample(self, usage: str) -> Typed:
        """The next word as a sample."""
        word = self.take(usage)
        found = self.sample_of(word)
        while (name := _CONVERTER.match(self.phrase.peek())) and name[0] in known().converters:
            # Converters may stand as words of their own.
            more = self.phrase.take("")
            try:
                found = samples.further(self.place, found, more.text)
            except Wrong as wrong:
                raise wrong.at(more) from None
        return found

    def sample_of(self, word: Word) -> Typed:
        """A word as a sample."""
        self.place.word = word
        try:
            return samples.whole(self.place, word.text)
        except Wrong as wrong:
            raise wrong.at(word) from None

    def wants(self, word: Word, kind: str, name: str) -> str:
        """Note that a rule names something of the configuration."""
        self.place.reading.wanted.append((word, kind, name))
        return name
