"""`${VAR}` and `${VAR:-default}` in the texts of a configuration; `$${` writes `${`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.problem import Problem
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{")


@dataclass(frozen=True, slots=True)
class Expanded:
    """A text with its variables filled in, and the `raw` one.

    `pieces` say which part of it came from where: (start in the result, start in the original, whether the
    characters correspond one by one).
    """

    raw: str
    text: str
    pieces: tuple[tuple[int, int, bool], ...]
    problems: tuple[Problem, ...]

    def original(self, offset: int) -> int:
        """Where in the original text a character of the result comes from."""
        for start, origin, literal in reversed(self.pieces):
            if start <= offset:
                return origin + (offset - start if literal else 0)
        return offset


def expand(text: str, environment: Mapping[str, str]) -> Expanded:
    """Fill in the variables of a text. What they hold is taken as it is and not expanded again."""
    parts: list[str] = []
    pieces: list[tuple[int, int, bool]] = []
    problems: list[Problem] = []
    length = position = 0

    def add(piece: str, origin: int, *, literal: bool) -> None:
        nonlocal length
        parts.append(piece)
        pieces.append((length, origin, literal))
        length += len(piece)

    for match in _REFERENCE.finditer(text):
        add(text[position : match.start()], position, literal=True)
        position = match.end()
        if match["escaped"]:
            add(match["escaped"], match.start() + 1, literal=True)
        elif not match["name"]:
            problems.append(_not_a_reference(match.start(), match.end()))
        else:
            value = environment.get(match["name"])
            if match["default"] is not None and not value:
                value = match["default"]
            if value is None:
                problems.append(_not_set(match["name"], match.start(), match.end(), environment))
            add(value or "", match.start(), literal=False)
    add(text[position:], position, literal=True)
    return Expanded(text, "".join(parts), tuple(pieces), tuple(problems))


def _not_set(name: str, start: int, end: int, environment: Mapping[str, str]) -> Problem:
    hint = did_you_mean(name, environment) or f"set it, or give a default: ${{{name}:-...}}"
    return Problem(f"the environment variable `{name}` is not set", hint=hint, start=start, end=end)


def _not_a_reference(start: int, end: int) -> Problem:
    return Problem(
        "`${` begins a variable that does not end",
        expected="${NAME} or ${NAME:-default}",
        hint="`$${` writes `${` as it is",
        start=start,
        end=end,
    )
