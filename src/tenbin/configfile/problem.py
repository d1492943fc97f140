"""What is wrong with one value, before anyone knows where in which file it stands.

Parsers of single values raise `Mistake`; the reader that called them adds the position and makes diagnostics of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenbin.errors import Severity


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a value.

    `start` and `end` are character offsets into the value where only a part of it is wrong (`end` 0: all of it).
    `key` names the entry of a mapping that is to be marked instead of the mapping as a whole. `found` "" means that
    the text at the position is shown as it is.
    """

    message: str
    expected: str = ""
    hint: str = ""
    found: str = ""
    start: int = 0
    end: int = 0
    key: str = ""
    severity: Severity = Severity.ERROR


class Mistake(ValueError):  # noqa: N818 - it reads as what it is: the mistake of whoever wrote the value
    """A value cannot be used, for these reasons; a ValueError, so pydantic collects it with its path."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def mistake(message: str, *, expected: str = "", hint: str = "", key: str = "", found: str = "") -> Mistake:
    """Return a `Mistake` with one problem that concerns the whole value, or the entry `key` of a mapping."""
    return Mistake(Problem(message, expected=expected, hint=hint, key=key, found=found))
