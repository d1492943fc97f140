"""Texts with `{expression}` in them: header values and redirect locations. `{{` and `}}` write braces."""

from __future__ import annotations

import re

from tenbin.configfile.expression.compiler import part
from tenbin.configfile.expression.typed import Compiled
from tenbin.configfile.problem import Mistake, Problem
from tenbin.model.expression import Concat, Const, Expression

_PIECE = re.compile(r"(?P<escaped>\{\{|\}\})|(?P<open>\{)|(?P<close>\})|(?P<plain>[^{}]+)")
_INSIDE = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?P<close>\})|(?P<open>\{)|.""", re.DOTALL)


def text(template: str, *, answer: bool = False) -> Compiled:
    """Compile a text with expressions in it to one expression that yields text.

    `answer`: the server's answer is known, so `status` and `server` may be used. Raises `Mistake` with every problem.
    """
    parts: list[Compiled] = []
    problems: list[Problem] = []
    position = 0
    while match := _PIECE.match(template, position):
        position = match.end()
        if match.lastgroup == "open":
            end = _end_of_expression(template, position)
            if end < 0:
                hint = "`{{` writes a brace"
                problems.append(
                    Problem("`{` is not closed", expected="`}`", hint=hint, start=position - 1, end=position)
                )
                break
            _interpolate(template[position:end], position, answer, parts, problems)
            position = end + 1
        elif match.lastgroup == "close":
            hint = "`}}` writes a brace"
            problems.append(Problem("`}` closes nothing", hint=hint, start=match.start(), end=match.end()))
        else:
            parts.append(Compiled(Const(match.group()[:1] if match.lastgroup == "escaped" else match.group())))
    if any(problem.severity == "error" for problem in problems):
        raise Mistake(*problems)
    return Compiled(
        _joined([one.expression for one in parts]),
        tuple(use for one in parts for use in one.uses),
        tuple(problems),
        tuple(use for one in parts for use in one.tables),
        tuple(use for one in parts for use in one.lists),
        tuple(rate for one in parts for rate in one.rates),
    )


def _interpolate(code: str, offset: int, answer: bool, parts: list[Compiled], problems: list[Problem]) -> None:
    try:
        compiled = part(code, offset=offset, answer=answer)
    except Mistake as error:
        problems.extend(error.problems)
        return
    parts.append(compiled)
    problems.extend(compiled.warnings)


def _end_of_expression(template: str, start: int) -> int:
    """Where the brace stands that closes the one before `start`; -1 without one. Braces in quotes do not count."""
    for match in _INSIDE.finditer(template, start):
        if match.lastgroup == "close":
            return match.start()
        if match.lastgroup == "open":
            return -1
    return -1


def _joined(parts: list[Expression]) -> Expression:
    """Neighbouring literals become one; a single part needs no Concat."""
    joined: list[Expression] = []
    for one in parts:
        last = joined[-1] if joined else None
        if isinstance(one, Const) and isinstance(last, Const):
            joined[-1] = Const(f"{last.value}{one.value}")
        else:
            joined.append(one)
    if not joined:
        return Const("")
    return joined[0] if len(joined) == 1 else Concat(tuple(joined))
