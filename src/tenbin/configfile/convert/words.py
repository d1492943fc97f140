"""Expression trees as the native language writes them: Python conditions, and texts with `{expression}`.

Owns only the way back from a tree to its text. A tree for which there is no text raises `UnsayableError`; what was
written is compiled once more, so that nothing is handed out which the native reader would refuse.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

from tenbin.configfile import expression as native
from tenbin.configfile.expression import facts
from tenbin.configfile.expression.counters import COUNTERS, MAPS
from tenbin.configfile.expression.vocabulary import CALLS, METHODS, NAMES, Kind
from tenbin.configfile.problem import Mistake
from tenbin.model.expression import All, Any, Compare, Concat, Const, Convert, Expression, Fetch, Match, Not

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.configfile.expression import Compiled

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_WAYS = {converter: way for way, converter in MAPS.items()}
_ELSEWHERE = ("http_auth", "http_auth_group", "unique-id", "capture.req.hdr", "capture.res.hdr")
_RANGE = re.compile(r"(-?\d*)(:?)(-?\d*)")


class UnsayableError(ValueError):
    """The native language has no words for this; the message says for what."""


def condition(tree: Expression, *, answer: bool = False) -> str:
    """Write a condition."""
    return _checked(_python(tree), native.condition, answer=answer)


def value(tree: Expression, *, answer: bool = False) -> str:
    """Write something to hash, remember or keep in a variable."""
    return _checked(_python(tree), native.key, answer=answer)


def literal_or(tree: Expression, *, answer: bool = False) -> str | int | bool:
    """Write a value that may be a literal: numbers and truths as they are."""
    if isinstance(tree, Const) and isinstance(tree.value, bool | int):
        return tree.value
    return _checked(_python(tree), partial(native.key, literal=True), answer=answer)


def template(tree: Expression, *, answer: bool = False) -> str:
    """Write a text with expressions in it."""
    return _checked(_text(tree), native.text, answer=answer)


def shape(tree: Expression, *, as_text: bool) -> str:
    """Write a tree of any kind, only to tell whether another one is written alike."""
    return _text(tree) if as_text else _python(tree)


def _text(tree: Expression) -> str:
    parts = tree.of if isinstance(tree, Concat) else (tree,)
    return "".join(
        str(one.value).replace("{", "{{").replace("}", "}}") if isinstance(one, Const) else "{" + _python(one) + "}"
        for one in parts
    )


def _checked(text: str, compiled: Callable[..., Compiled], *, answer: bool) -> str:
    try:
        compiled(text, answer=answer)
    except Mistake as error:
        raise UnsayableError(f"`{text}`: {error.problems[0].message}") from None
    return text


def _python(tree: Expression) -> str:
    match tree:
        case Const(value):
            return _literal(value)
        case Fetch():
            return _fetch(tree)
        case Convert():
            return _convert(tree)
        case Match():
            return _match(tree)
        case Compare(cmp, left, Const(None)):
            return f"{_python(left)} is{'' if cmp == 'eq' else ' not'} None"
        case Compare(cmp, left, right):
            return f"{_python(left)} {_SIGNS[cmp]} {_python(right)}"
        case Not(inner):
            text = _nested(inner)
            return f"not {text}" if text.endswith(")") or " " not in text else f"not ({text})"
        case All(of):
            return " and ".join(_nested(one) for one in of)
        case Any(of):
            return " or ".join(_nested(one) for one in of)
    raise UnsayableError("texts that are put together within a condition")


def _nested(tree: Expression) -> str:
    return f"({_python(tree)})" if isinstance(tree, All | Any) else _python(tree)


def _literal(value: str | int | bool | None) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _call(name: str, args: Sequence[str | int | bool | None]) -> str:
    return f"{name}({', '.join(_literal(one) for one in args)})"


def _fetch(tree: Fetch) -> str:
    name = tree.name.replace("-", "_")
    if tree.name in NAMES:
        return tree.name
    if tree.name in CALLS:
        return _call(tree.name, tree.args)
    if tree.name in _ELSEWHERE:
        raise UnsayableError(f"`{tree.name}`, which asks for what only HAProxy's language declares")
    if name not in facts.fetches():
        raise UnsayableError(f"the sample `{tree.name}`")
    return _call(name, tree.args) if tree.args else name


def _convert(tree: Convert) -> str:
    name, inner = tree.name.replace("-", "_"), _python(tree.input)
    counter = tree.name.removeprefix("table_")
    if tree.name in METHODS:
        return f"{inner}.{_call(tree.name, tree.args)}"
    if tree.name == "length":
        return f"len({inner})"
    if tree.name in _WAYS and 1 <= len(tree.args) <= 2 and "@" not in str(tree.args[0]):
        way = _WAYS[tree.name]
        extra = [_literal(one) for one in tree.args[1:]]
        if way != "exact":
            extra = [*(extra or ['""']), _literal(way)]
        return f"map({', '.join([_literal(tree.args[0]), inner, *extra])})"
    if tree.name.startswith("table_") and counter in COUNTERS and len(tree.args) == 1:
        return f"table({_literal(tree.args[0])}, {inner}).{counter}"
    if name in facts.converters():
        return f"{inner}.{_call(name, tree.args)}"
    raise UnsayableError(f"the converter `{tree.name}`")


def _match(tree: Match) -> str:
    """In the words of Python where they mean the same, otherwise by `fits`."""
    plain = _plain(tree)
    if plain:
        return plain
    how = f"{tree.method} -i" if tree.ignore_case else tree.method
    if tree.lists:
        if tree.patterns or len(tree.lists) > 1 or "@" in tree.lists[0]:
            raise UnsayableError("patterns of several files, or of files and words together")
        return f"fits({_python(tree.input)}, {_literal(f'{how} -f')}, {_literal(tree.lists[0])})"
    return f"fits({', '.join([_python(tree.input), _literal(how), *map(_literal, tree.patterns)])})"


def _plain(tree: Match) -> str:
    """A match on one value that is always there, or a number; "" for others."""
    if tree.lists or tree.ignore_case or not tree.patterns or "" in tree.patterns:
        return ""
    subject = _python(tree.input)
    if tree.method == "int" and len(tree.patterns) == 1:
        return _number(subject, tree)
    about = NAMES.get(tree.input.name) if isinstance(tree.input, Fetch) else None
    if about is None or (tree.each and about.optional):
        return ""
    literals = [_literal(one) for one in tree.patterns]
    several = literals[0] if len(literals) == 1 else f"({', '.join(literals)})"
    if tree.method == "ip" and about.kind is Kind.ADDRESS:
        return f"{subject} in {several}"
    if about.kind is not Kind.TEXT:
        return ""
    match tree.method:
        case "eq":
            return f"{subject} {'==' if len(literals) == 1 else 'in'} {several}"
        case "beg" | "end":
            return f"{subject}.{'startswith' if tree.method == 'beg' else 'endswith'}({several})"
        case "sub":
            return _either([f"{one} in {subject}" for one in literals])
        case "reg":
            return _either([f"matches({subject}, {one})" for one in literals])
    return ""


def _number(subject: str, tree: Match) -> str:
    known = facts.fetches().get(tree.input.name) if isinstance(tree.input, Fetch) else None
    about = NAMES.get(tree.input.name) if isinstance(tree.input, Fetch) else None
    plain = known is not None and known.kind == "int" and not (known.many and tree.each)
    if not (plain or (about and about.kind is Kind.NUMBER)):
        return ""
    match = _RANGE.fullmatch(tree.patterns[0])
    if not match:
        return ""
    low, colon, high = match.groups()
    if not colon:
        return f"{subject} == {low}"
    if low and high:
        return f"{subject} >= {low} and {subject} <= {high}"
    return f"{subject} >= {low}" if low else f"{subject} <= {high}" if high else ""


def _either(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"
