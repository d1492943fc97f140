"""The text of a configuration file and the positions in it.

Positions are character offsets until a person needs to read them; lines and columns are worked out then, so that a
large file without problems pays nothing for them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from tenbin.configfile.secrets import HIDDEN, find, hidden, values
from tenbin.errors import Diagnostic, Severity

if TYPE_CHECKING:
    from tenbin.configfile.problem import Problem

Span = tuple[int, int]
"""Where a token begins and ends, as character offsets into the text."""

_LONGEST_EXCERPT = 60


@dataclass(frozen=True)
class Source:
    """A named text; `name` is how the person who wrote it knows it."""

    name: str
    text: str = field(repr=False)

    def position(self, offset: int) -> str:
        """`file:line:column` of a character."""
        line, column = self.line_and_column(offset)
        return f"{self.name}:{line}:{column}"

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line as it may be shown, without its end."""
        starts = self._line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return self._shown((starts[line - 1], end)).rstrip("\r\n")

    def excerpt(self, span: Span) -> str:
        """The text of a token for a message: its first line, shortened, in backquotes."""
        text = self._shown(span).strip()
        first = text.partition("\n")[0].rstrip()
        if len(first) > _LONGEST_EXCERPT or first != text:
            first = first[: _LONGEST_EXCERPT - 3] + "..."
        return f"`{first}`" if first else "nothing"

    def diagnostic(self, problem: Problem, span: Span) -> Diagnostic:
        """Place a problem at a token; a token of several lines is marked to the end of its first."""
        line, column = self.line_and_column(span[0])
        text = self.line_text(line)
        room = max(len(text) - column + 1, 1)
        width = min(max(span[1] - span[0], 1), room)
        return Diagnostic(
            problem.severity,
            self.name,
            line,
            column,
            width,
            self._without_secrets(problem.message),
            found=self._without_secrets(problem.found),
            expected=problem.expected,
            hint=self._without_secrets(problem.hint),
            source=self._without_secrets(text),
        )

    def whole(self, message: str, *, hint: str = "", severity: Severity = Severity.ERROR) -> Diagnostic:
        """A problem of the file as a whole."""
        return Diagnostic(severity, self.name, 0, 0, 0, message, hint=hint)

    def _shown(self, span: Span) -> str:
        """A part of the text without its secrets; every other character has the same place."""
        return hidden(self.text, self._secrets, span)

    def _without_secrets(self, told: str) -> str:
        """What is said about a value may quote it."""
        for secret in self._values:
            told = told.replace(secret, HIDDEN * len(secret))
        return told

    @cached_property
    def _secrets(self) -> tuple[Span, ...]:
        return find(self.text)

    @cached_property
    def _values(self) -> tuple[str, ...]:
        return values(self.text, self._secrets)

    @cached_property
    def _line_starts(self) -> list[int]:
        return list(accumulate((len(line) + 1 for line in self.text.split("\n")[:-1]), initial=0))
