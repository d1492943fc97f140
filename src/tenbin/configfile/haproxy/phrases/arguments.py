r"""The arguments of fetches and converters: `(name,"a, b",3)`.

Owns their quotes and escapes, which are read after those of the line: `'...'` as it is, `"..."` with escapes, and a
backslash before a quote, a comma, a blank or itself; and whether they are as many, and what, the vocabulary asks for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import regex, variables
from tenbin.configfile.haproxy.phrases.words import Wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.expression.known import Parameter
    from tenbin.model.expression import Scalar

_NUMBER = re.compile(r"[+-]?[0-9]+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_NAMES = {"int": "integer", "number": "integer"}


def split(text: str, start: int) -> tuple[list[str], int]:
    """Split what stands in parentheses from `start` on; return the arguments and the offset after the closing one."""
    found: list[str] = []
    current: list[str] = []
    quote, at, size = "", start + 1, len(text)
    while at < size:
        char = text[at]
        if char == "\\" and quote != "'" and at + 1 < size:
            following = text[at + 1]
            if following in _ESCAPES or following in "\\ \"',":
                current.append(_ESCAPES.get(following, following))
                at += 2
                continue
        if char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        elif not quote and char in ",)":
            found.append("".join(current))
            current = []
            if char == ")":
                return (found if found != [""] else []), at + 1
        else:
            current.append(char)
        at += 1
    raise Wrong(_unclosed(quote, "".join(current)), start=start, end=size)


def convert(owner: str, given: Sequence[str], wanted: Sequence[Parameter]) -> tuple[Scalar, ...]:
    """Check arguments against what is wanted. `owner` is how messages call the fetch or converter."""
    if len(given) > len(wanted):
        extra = given[len(wanted)]
        if not wanted:
            raise Wrong(f"{owner} : no argument supported, but got '{','.join(given)}'")
        raise Wrong(f"{owner} : end of arguments expected at position {len(wanted) + 1}, but got '{extra}'")
    least = sum(not one.optional for one in wanted)
    if len(given) < least:
        kind = _NAMES.get(wanted[len(given)].kind, "string")
        raise Wrong(f"{owner} : missing arguments (got {len(given)}/{least}), type '{kind}' expected")
    return tuple(
        _one(owner, text, parameter, number)
        for number, (text, parameter) in enumerate(zip(given, wanted, strict=False), start=1)
    )


def _one(owner: str, text: str, parameter: Parameter, number: int) -> Scalar:
    kind = parameter.kind
    if kind == "int" or (kind == "number" and (_NUMBER.fullmatch(text) or not text)):
        if not text and parameter.optional:
            return None
        if not text:
            raise Wrong(f"{owner} : expected type 'integer' at position {number}, but got nothing")
        if not _NUMBER.fullmatch(text):
            raise Wrong(f"{owner} : failed to parse '{text}' as type 'integer' at position {number}")
        return int(text)
    if kind == "regex":
        return regex.translate(text)
    if kind in ("number", "variable") and text:
        return variables.check(text)
    return text


def _unclosed(quote: str, tail: str) -> str:
    if quote:
        return f"unmatched quote in arguments, expected another {quote}"
    return f"expected ')' before ',{tail}'" if tail else "missing closing ')'"
