"""From files to sections: which lines count, what the environment is at each, and to which section each belongs.

Owns `.if` blocks, `.notice` and its kind, `setenv` and its kind, and the order of several files and folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.lexer import MOST_WORDS, LexicalError, Line, Word, split
from tenbin.configfile.haproxy.predicates import About, ConditionError, holds
from tenbin.configfile.haproxy.tree import Section
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tenbin.configfile.haproxy.context import Reading

SECTIONS = (
    "global", "defaults", "frontend", "backend", "listen", "userlist", "peers", "resolvers", "http-errors", "mailers",
    "program", "cache", "fcgi-app", "ring", "log-forward", "log-profile", "crt-store", "traces", "healthcheck", "acme",
)  # fmt: skip

_ENVIRONMENT = ("setenv", "presetenv", "unsetenv", "resetenv")


@dataclass(frozen=True, slots=True)
class Text:
    """A file of the configuration: its name in messages, and what is in it."""

    name: str
    text: str


def files(paths: Sequence[Path]) -> list[Path]:
    """The files that `-f` arguments stand for: of a folder every `*.cfg`, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.iterdir() if one.suffix == ".cfg" and not one.name.startswith("."))
        else:
            found.append(path)
    return found


def sections(reading: Reading, texts: Sequence[Text]) -> list[Section]:
    """Split the files into sections; what is wrong with the splitting is told to the reading."""
    found: list[Section] = []
    for text in texts:
        current: Section | None = None
        for line in _Lines(reading, text).kept():
            word = line.words[0]
            if word.text in SECTIONS:
                current = Section(word.text, line.words[1].text if len(line.words) > 1 else "", line)
                reading.section = " ".join(one.text for one in line.words[:2])
                reading.environment[".SECTION"] = word.text
                found.append(current)
            elif current is None:
                hint = did_you_mean(word.text, SECTIONS) or "a file begins with a section, such as `global`"
                reading.error(word, f"unknown keyword '{word.text}' out of section.", hint)
            elif current.kind == "global" and word.text in _ENVIRONMENT:
                _set_environment(reading, line)
            else:
                current.lines.append(line)
    return found


class _Lines:
    """The lines of one file, without those that a condition takes out."""

    def __init__(self, reading: Reading, text: Text) -> None:
        self._reading = reading
        self._name = text.name
        self._lines = [line.rstrip("\r") for line in text.text.split("\n")]
        reading.texts[text.name] = self._lines
        # For each open `.if`: whether its lines count now, whether a branch was taken, whether `.else` was seen.
        self._open: list[tuple[bool, bool, bool]] = []
        self._opened: list[Line] = []

    def kept(self) -> Iterator[Line]:
        """Every line that counts and has words."""
        for number, text in enumerate(self._lines, 1):
            if not text or text.isspace():
                continue
            line = self._split(text, number)
            if line is None or not line.words:
                continue
            if line.words[0].text.startswith("."):
                self._macro(line)
            elif self._counts:
                yield line
        for line in self._opened:
            self._reading.error(line, "missing '.endif'.", "every `.if` needs one")

    @property
    def _counts(self) -> bool:
        return all(now for now, _, _ in self._open)

    def _split(self, text: str, number: int) -> Line | None:
        try:
            line = split(text, self._name, number, self._reading.environment)
        except LexicalError as error:
            start = error.start
            word = Word(text[start:], start, len(text.rstrip()), number, start + 1, self._name)
            self._reading.error(word, f"{error.message} at position {start + 1}")
            return None
        if len(line.words) > MOST_WORDS:
            word = line.words[MOST_WORDS]
            position = word.column
            message = f"too many words, truncating after word {MOST_WORDS}, position {position}"
            self._reading.error(word, message)
            return None
        for place, word in enumerate(line.words):
            if not word.text and place + 1 < len(line.words):
                message = (
                    f"argument number {place} at position {word.column} is empty and marks the end of the argument "
                    "list; all subsequent arguments will be ignored"
                )
                self._reading.warning(word, message, "is a variable of the environment missing?")
                return Line(line.words[:place], line.file, line.number, line.text)
        words = line.words
        while words and not words[-1].text:
            words = words[:-1]
        return line if words is line.words else Line(words, line.file, line.number, line.text)

    def _macro(self, line: Line) -> None:
        name = line.words[0].text
        if name == ".if":
            # Within a block that does not count nothing is evaluated.
            taken = self._counts and self._holds(line)
            self._open.append((taken, taken or not self._counts, False))
            self._opened.append(line)
        elif name in (".elif", ".else"):
            self._branch(line, name)
        elif name == ".endif":
            if not self._open:
                self._reading.error(line, "lone '.endif' with no matching '.if'.")
                return
            self._open.pop()
            self._opened.pop()
        elif self._counts:
            self._tell(line, name)

    def _branch(self, line: Line, name: str) -> None:
        if not self._open:
            self._reading.error(line, f"lone '{name}' with no matching '.if'.")
            return
        _, taken, last = self._open.pop()
        if last:
            self._reading.error(line, f"'{name}' after '.else' is not permitted.")
        around = self._counts
        now = around and not taken and (name == ".else" or self._holds(line))
        self._open.append((now, taken or now, name == ".else"))

    def _holds(self, line: Line) -> bool:
        text = " ".join(word.text for word in line.words[1:])
        try:
            return holds(text, About(self._reading.environment, self._reading.version))
        except ConditionError as error:
            name = line.words[0].text
            word = line.words[1] if len(line.words) > 1 else line.words[0]
            message = f"{error.message} in '{name}' at position {error.start + 1}"
            self._reading.error(word, message, "see `haproxy -cc`")
            return False

    def _tell(self, line: Line, name: str) -> None:
        message = f"'{line.words[1].text if len(line.words) > 1 else ''}'."
        if name == ".alert":
            self._reading.error(line, message)
        elif name == ".warning":
            self._reading.warning(line, message)
        elif name not in (".notice", ".diag"):
            known = (".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag")
            hint = did_you_mean(name, known)
            self._reading.error(line, f"unknown keyword '{name}' out of section.", hint)


def _set_environment(reading: Reading, line: Line) -> None:
    """`setenv` and its kind take effect at once: the lines below see them."""
    name, args = line.words[0].text, [word.text for word in line.words[1:]]
    environment = reading.environment
    reading.exact(line)
    if name in ("setenv", "presetenv"):
        if len(args) != 2:
            reading.error(line, f"'{name}' expects a name and a value.")
        elif name == "setenv" or args[0] not in environment:
            environment[args[0]] = args[1]
    elif name == "unsetenv":
        if not args:
            reading.error(line, "'unsetenv' expects at least one variable.")
        for variable in args:
            environment.pop(variable, None)
    else:
        for variable in set(environment) - set(args) - {".SECTION"}:
            del environment[variable]
