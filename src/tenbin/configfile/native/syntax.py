"""What YAML's own errors mean to the person who wrote the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from tenbin.configfile.problem import Problem

if TYPE_CHECKING:
    from tenbin.configfile.source import Source
    from tenbin.errors import Diagnostic

BRACES = "a text that begins with a brace or a bracket stands in quotes"

_QUOTE = "put the whole value in single quotes: '...'"
_NEEDS_QUOTES = "a text that begins with this character stands in quotes"


def explain(error: yaml.YAMLError, source: Source) -> Diagnostic:
    """Return the diagnostic for a text that is no YAML."""
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else ord(error.character[:1] or b"\0")
        at = max(0, min(int(error.position), len(source.text) - 1))
        problem = Problem(f"the character U+{code:04X} cannot stand in YAML", hint='remove it, or write it as "\\x.."')
        return source.diagnostic(problem, (at, at + 1))
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return source.whole(f"not YAML: {error}")
    at = min(error.problem_mark.index, len(source.text))
    context = error.context_mark.index if error.context_mark is not None else at
    return source.diagnostic(*_problem(error, source, at, context))


def _problem(error: yaml.MarkedYAMLError, source: Source, at: int, context: int) -> tuple[Problem, tuple[int, int]]:
    said, doing = error.problem or "", error.context or ""
    here = (at, at + 1)
    if "alias" in doing or "anchor" in doing:
        hint = 'an address on every interface is ":8080", or "*:8080" in quotes'
        message = f"a text cannot begin with `{source.text[context : context + 1]}`"
        return Problem(message, hint=hint), (context, context + 1)
    if "quoted scalar" in doing:
        if "escape" in said:
            return Problem("an unknown escape in double quotes", hint="in single quotes a backslash is only that"), here
        expected = f"another {source.text[context : context + 1]}"
        return Problem("a quote is not closed", expected=expected), (context, context + 1)
    if "flow" in doing:
        return _flow(doing, source, at, context)
    if "could not find expected ':'" in said:
        line = source.text[context:].partition("\n")[0]
        hint = "a key is followed by a colon and a space"
        return Problem("this line is no `key: value`", hint=hint), (context, context + max(len(line), 1))
    if "expected key" in said or "expected '-' indicator" in said:
        return _block(source, at)
    return _character(source.text[at : at + 1], said or doing), here


def _character(char: str, said: str) -> Problem:
    """What is wrong with a single character."""
    if char == "\t":
        return Problem("a tab cannot indent", expected="spaces")
    if "mapping values are not allowed" in said:
        hint = "a value that holds `: ` stands in quotes; keys of one mapping stand below each other"
        return Problem("a colon and a key too many", expected="one `key: value` in a line", hint=hint)
    if "cannot start any token" in said:
        return Problem(f"a text cannot begin with `{char}`", hint=_NEEDS_QUOTES)
    if "block sequence entries are not allowed" in said:
        return Problem("a list begins on the line after its key", hint="or write it in brackets: [a, b]")
    return Problem(f"not YAML: {said}")


def _flow(doing: str, source: Source, at: int, context: int) -> tuple[Problem, tuple[int, int]]:
    line_end = source.text.find("\n", context)
    if at < len(source.text) and (line_end < 0 or at <= line_end):
        hint = "a value with a comma, a colon or brackets in it stands in single quotes"
        if source.text[at - 1 : at + 1] == "${":
            hint = 'between brackets a variable stands in quotes: "${NAME}"'
        elif source.text[at] == ":":
            hint = 'between brackets an address that begins with a colon stands in quotes: ":8080"'
        return Problem("this cannot stand between brackets or braces", hint=hint), (at, at + 1)
    opening = source.text[context : context + 1]
    close = "]" if "sequence" in doing else "}"
    return Problem(f"`{opening}` is not closed", expected=f"`{close}`"), (context, context + 1)


def _block(source: Source, at: int) -> tuple[Problem, tuple[int, int]]:
    line_start = source.text.rfind("\n", 0, at) + 1
    before = source.text[line_start:at]
    if re.match(r"[ -]*[\w.-]+:\s+[\"'].*[\"']\s*$", before):
        return Problem("a quoted text ends before its line does", hint=_QUOTE), (at, at + 1)
    if before.strip():
        return Problem("this cannot stand here", hint="a key is a word, a colon and a space"), (at, at + 1)
    hint = "indent it like the lines that it belongs to"
    return Problem("this line is indented differently, or is no `key: value`", hint=hint), (at, at + 1)
