"""Commands of the runtime API: how a line becomes words, which row of the table it means, and what it may not.

Owns the grammar (words, backslashes, `;`, `<<`), the levels, and the answer to a line that means nothing. What commands
do is the business of `tenbin.api.haproxy.commands`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.model import Level

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tenbin.api.haproxy.port import Runtime

RANK = {Level.USER: 0, Level.OPERATOR: 1, Level.ADMIN: 2}
MOST_WORDS = 64
SUGGESTIONS = 5
_WIDTH = 40
ERROR, WARNING, NOTICE, INFO = 3, 4, 5, 6
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")


class Said(Exception):  # noqa: N818 - as often a success as a failure
    """A short answer; `severity` is that of syslog.

    HAProxy ends some of its texts with a line feed and some not, and adds one to each: programs wait for both forms.
    """

    def __init__(self, text: str, severity: int = ERROR) -> None:
        super().__init__(text)
        self.text = text
        self.severity = severity


class Goodbye(Exception):  # noqa: N818 - not a failure
    """The connection is to be closed."""


@dataclass(slots=True)
class Seat:
    """What a connection has set for itself: `timeout` seconds, `severity` none, number or string."""

    level: Level
    timeout: float
    interactive: bool = False
    severity: str = "none"
    expert: bool = False
    experimental: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was given: all its words, what followed `<<`, and from whom."""

    words: tuple[str, ...]
    payload: str
    seat: Seat
    runtime: Runtime

    def word(self, place: int) -> str:
        """Return one word; "" where there is none."""
        return self.words[place] if place < len(self.words) else ""

    def need(self, level: Level) -> None:
        """Refuse whoever may do less."""
        if RANK[self.seat.level] < RANK[level]:
            raise Said("Permission denied\n")


Function = "Callable[[Call], Awaitable[str]]"


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table: `words` that select it, how help writes it, the level that it needs, what it does."""

    words: tuple[str, ...]
    usage: str
    help: str
    level: Level
    run: Callable[[Call], Awaitable[str]]

    @property
    def line(self) -> str:
        """Its line of help."""
        return f"  {self.usage:<{_WIDTH}}: {self.help}"


@dataclass(frozen=True, slots=True)
class Request:
    """The commands of one line; `payload` is what ends it: None for none, "" for an empty line."""

    commands: tuple[tuple[str, ...], ...]
    payload: str | None = None


@dataclass(slots=True)
class Table:
    """All commands; found by their first words."""

    rows: Sequence[Command]
    _first: dict[str, list[Command]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for row in sorted(self.rows, key=lambda row: -len(row.words)):
            self._first.setdefault(row.words[0], []).append(row)

    def find(self, words: tuple[str, ...]) -> Command | None:
        """Return the command with the most words in common; None when it is none."""
        known = self._first.get(words[0], ()) if words else ()
        return next((row for row in known if words[: len(row.words)] == row.words), None)

    def help(self, words: tuple[str, ...], level: Level) -> str:
        """Return the lines for `help`, or for what nobody knows."""
        rows = [row for row in sorted(self.rows, key=lambda row: row.words) if RANK[row.level] <= RANK[level]]
        rows = [row for row in rows if row.words[0] not in _ALWAYS]
        if not words:
            head, shown = "The following commands are valid at this level:", rows
        else:
            head = "Unknown command, but maybe one of the following ones is a better match:"
            beginning = [row for row in rows if row.words[: len(words)] == words]
            shown = beginning or _near(words, rows)
        lines = [row.line for row in shown] + [_ALWAYS[name] for name in ("help", "prompt", "quit")]
        return "".join(f"{line}\n" for line in (head, *lines))


def parse(line: str) -> Request:
    """Take a line apart: commands divided by `;`, the last one perhaps with a payload."""
    marker: str | None = None
    head, separator, rest = line.rpartition("<<")
    if separator and " " not in rest.strip() and (not head or head[-1] in " \t"):
        line, marker = head, rest.strip()
    commands = tuple(tuple(words) for words in _commands(line) if words)
    return Request(commands, marker)


def severe(answer: Said, form: str) -> str:
    """Return a short answer with its severity before it, if that is wanted."""
    if form == "number":
        return f"[{answer.severity}]: {answer.text}"
    return f"[{_SEVERITIES[answer.severity]}]: {answer.text}" if form == "string" else answer.text


def _commands(line: str) -> Iterator[list[str]]:
    """Words end with blanks; a backslash takes the next character as it is."""
    words: list[str] = []
    word: list[str] | None = None
    characters = iter(line)
    for character in characters:
        if character == "\\":
            word = [*(word or []), next(characters, "")]
        elif character in " \t;":
            if word is not None:
                words.append("".join(word))
                word = None
            if character == ";":
                yield words[:MOST_WORDS]
                words = []
        else:
            word = word if word is not None else []
            word.append(character)
    if word is not None:
        words.append("".join(word))
    yield words[:MOST_WORDS]


def _near(words: tuple[str, ...], rows: Sequence[Command]) -> list[Command]:
    """The commands that look most like these words, by how often letters follow each other in them."""
    wanted = _pairs(words)
    scored = []
    for row in rows:
        found = _pairs(row.words)
        distance = sum((wanted.get(pair, 0) - found.get(pair, 0)) ** 2 for pair in wanted.keys() | found.keys())
        scored.append((distance, row))
    if not scored:
        return []
    scored.sort(key=lambda entry: entry[0])
    best = scored[0][0]
    near = [row for distance, row in scored[:SUGGESTIONS] if distance <= 2 * best]
    return sorted(near, key=lambda row: row.words)


def _pairs(words: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        text = f" {word.lower()} "
        for place in range(len(text) - 1):
            pair = text[place : place + 2]
            counts[pair] = counts.get(pair, 0) + 1
    return counts


_ALWAYS = {
    "help": f"  {'help [<command>]':<{_WIDTH}}: list matching or all commands",
    "prompt": f"  {'prompt':<{_WIDTH}}: toggle interactive mode with prompt",
    "quit": f"  {'quit':<{_WIDTH}}: disconnect",
}
