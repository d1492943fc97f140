"""Comparisons and membership: `==`, `<`, chains, `in`, and what may stand on which side of them."""

from __future__ import annotations

import ast
from ipaddress import ip_network
from typing import TYPE_CHECKING

from tenbin.configfile.expression.typed import Typed
from tenbin.configfile.expression.vocabulary import CLOSED, Kind
from tenbin.model.expression import All, Any, Compare, Const, Expression, Match, Not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.expression.compiler import Compiler

_ORDER: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def compare(compiler: Compiler, node: ast.Compare) -> Typed:
    """Compile a comparison; a chain `a < b < c` becomes the conjunction of its links."""
    links: list[Expression] = []
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        links.append(_link(compiler, left, operator, right))
        left = right
    return Typed(links[0] if len(links) == 1 else All(tuple(links)), Kind.TRUTH)


def doubt_literals(compiler: Compiler, node: ast.AST, subject: Typed, literals: Sequence[str]) -> None:
    """Warn of literals that the subject can never be equal to or begin with."""
    for literal in literals:
        hint = ""
        if subject.shape == "lower" and literal != literal.lower():
            hint = f'it is in lower case: "{literal.lower()}"'
        elif subject.shape == "upper" and literal != literal.upper():
            hint = f'it is in upper case: "{literal.upper()}"'
        elif subject.shape == "path" and not literal.startswith(("/", "*")):
            hint = f'it begins with a slash: "/{literal}"'
        elif not any(value.startswith(literal) for value in CLOSED.get(subject.shape, (literal,))):
            hint = f"it is one of {', '.join(CLOSED[subject.shape])}"
        if hint:
            compiler.doubt(node, f'"{literal}" never fits here', hint=hint)


def _link(compiler: Compiler, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Expression:
    match operator:
        case ast.In():
            return _membership(compiler, left, right)
        case ast.NotIn():
            return Not(_membership(compiler, left, right))
        case ast.Is() | ast.IsNot():
            return _identity(compiler, left, right, negated=isinstance(operator, ast.IsNot))
    return _order(compiler, left, _ORDER[type(operator)], right)


def _order(compiler: Compiler, left: ast.expr, cmp: str, right: ast.expr) -> Expression:
    one, other = compiler.value(left), compiler.value(right)
    if Kind.UNKNOWN in (one.kind, other.kind):
        return Const(None)
    if one.is_literal and other.is_literal:
        compiler.wrong(left, "both sides are constants", expected="something of the request on one side")
        return Const(None)
    if one.is_literal:
        left, right, one, other, cmp = right, left, other, one, _MIRRORED[cmp]
    if Kind.NOTHING in (one.kind, other.kind):
        return _with_none(compiler, left, one, negated=cmp == "ne")
    if one.kind is Kind.ADDRESS or other.kind is Kind.ADDRESS:
        return _address(compiler, left, one, cmp, right, other)
    if one.kind is not other.kind:
        return _mixed(compiler, left, one, right, other)
    if one.kind is Kind.TRUTH:
        compiler.wrong(right, "a condition is not compared", hint=f"write `{compiler.parsed.text(left)}` or `not ...`")
        return Const(None)
    if cmp in ("eq", "ne") and isinstance(other.literal, str):
        doubt_literals(compiler, right, one, [other.literal])
    return Compare(cmp, one.expression, other.expression)


def _mixed(compiler: Compiler, left: ast.expr, one: Typed, right: ast.expr, other: Typed) -> Expression:
    hint = ""
    if one.kind is Kind.TEXT and isinstance(other.literal, int):
        hint = f'compare with a text: "{compiler.parsed.text(right)}"'
    elif one.kind is Kind.NUMBER and isinstance(other.literal, str) and other.literal.isdigit():
        hint = f"leave the quotes out: {other.literal}"
    what = f"`{compiler.parsed.text(left)}` is {one.kind} and `{compiler.parsed.text(right)}` is {other.kind}"
    compiler.wrong(right, f"{what}: they cannot be compared", expected=str(one.kind), hint=hint)
    return Const(None)


def _address(compiler: Compiler, left: ast.expr, one: Typed, cmp: str, right: ast.expr, other: Typed) -> Expression:
    subject = compiler.parsed.text(left)
    if cmp not in ("eq", "ne"):
        compiler.wrong(left, "addresses have no order", hint=f'write {subject} in "10.0.0.0/8"')
        return Const(None)
    if one.kind is not Kind.ADDRESS or not isinstance(other.literal, str):
        hint = f'such as {subject} in "10.0.0.0/8"' if one.kind is Kind.ADDRESS else ""
        compiler.wrong(right, "an address is compared with a literal text", expected="an address in quotes", hint=hint)
        return Const(None)
    networks = _networks(compiler, [right])
    found = Match("ip", one.expression, networks)
    return found if cmp == "eq" else Not(found)


def _identity(compiler: Compiler, left: ast.expr, right: ast.expr, *, negated: bool) -> Expression:
    if not (isinstance(right, ast.Constant) and right.value is None):
        operator = "is not" if negated else "is"
        hint = "Python compares values with `!=`" if negated else "Python compares values with `==`"
        compiler.wrong(right, f"`{operator}` only asks for None here", expected="None", hint=hint)
        return Const(None)
    return _with_none(compiler, left, compiler.value(left), negated=negated)


def _with_none(compiler: Compiler, node: ast.expr, found: Typed, *, negated: bool) -> Expression:
    if found.kind is Kind.UNKNOWN:
        return Const(None)
    if not found.optional or found.is_literal:
        compiler.wrong(
            node,
            f"`{compiler.parsed.text(node)}` is never None",
            hint="only headers, cookies, parameters and facts of TLS can be",
        )
        return Const(None)
    return Compare("ne" if negated else "eq", found.expression, Const(None))


def _membership(compiler: Compiler, left: ast.expr, right: ast.expr) -> Expression:
    one = compiler.value(left) if not isinstance(left, ast.Tuple | ast.List | ast.Set) else None
    if one is None:
        text = compiler.parsed.text(right)
        compiler.wrong(left, "one value stands before `in`", hint=f'such as "a" in {text} or "b" in {text}')
        return Const(None)
    if one.kind is Kind.UNKNOWN:
        return Const(None)
    if isinstance(right, ast.Tuple | ast.List | ast.Set):
        return _alternatives(compiler, left, one, right)
    other = compiler.value(right)
    if other.kind is Kind.UNKNOWN:
        return Const(None)
    if one.kind is Kind.ADDRESS:
        return Match("ip", one.expression, _networks(compiler, [right]))
    return _substring(compiler, left, one, right, other)


def _substring(compiler: Compiler, left: ast.expr, one: Typed, right: ast.expr, other: Typed) -> Expression:
    what, where = compiler.parsed.text(left), compiler.parsed.text(right)
    if other.kind is Kind.ADDRESS:
        compiler.wrong(right, "an address contains nothing", hint=f"the other way round: {where} in {what}")
    elif other.kind is not Kind.TEXT or one.kind is not Kind.TEXT:
        wrong, kind = (right, other.kind) if other.kind is not Kind.TEXT else (left, one.kind)
        compiler.wrong(wrong, f"`in` looks for a text in a text, and this is {kind}", hint=_tuple_hint(what, where))
    elif other.is_literal:
        compiler.wrong(right, "`in` and one text looks for a part of it", hint=_tuple_hint(what, where))
    elif not isinstance(one.literal, str):
        compiler.wrong(left, "the text to look for must be a literal", hint=f'such as "part" in {where}')
    elif not one.literal:
        compiler.wrong(left, "the empty text is in every text", expected="a text that is not empty")
    else:
        return Match("sub", other.expression, (one.literal,))
    return Const(None)


def _tuple_hint(what: str, where: str) -> str:
    return f"to compare write {what} == {where}, or {what} in ({where}, ...)"


def _alternatives(compiler: Compiler, left: ast.expr, one: Typed, right: ast.Tuple | ast.List | ast.Set) -> Expression:
    subject = compiler.parsed.text(left)
    if one.is_literal:
        compiler.wrong(left, "both sides are constants", expected="something of the request before `in`")
    elif not right.elts:
        compiler.wrong(right, "there is nothing to choose from", hint=f'such as {subject} in ("a", "b")')
    elif one.kind is Kind.ADDRESS:
        return Match("ip", one.expression, _networks(compiler, right.elts))
    elif one.kind is Kind.TEXT:
        texts = [
            value for value in (_literal(compiler, item, Kind.TEXT) for item in right.elts) if isinstance(value, str)
        ]
        doubt_literals(compiler, right, one, texts)
        return Match("eq", one.expression, tuple(texts))
    elif one.kind is Kind.NUMBER:
        numbers = [_literal(compiler, item, Kind.NUMBER) for item in right.elts]
        found = tuple(Compare("eq", one.expression, Const(number)) for number in numbers)
        return found[0] if len(found) == 1 else Any(found)
    else:
        compiler.wrong(left, f"`{subject}` is {one.kind}", expected="text, a number or an address before `in`")
    return Const(None)


def _literal(compiler: Compiler, node: ast.expr, kind: Kind) -> str | int | None:
    found = compiler.value(node)
    if found.kind is not Kind.UNKNOWN and not (found.is_literal and found.kind is kind):
        quotes = kind is Kind.TEXT and isinstance(node, ast.Constant)
        hint = f'put it in quotes: "{compiler.parsed.text(node)}"' if quotes else ""
        compiler.wrong(node, f"every alternative must be {kind}", expected=f"{kind}, written out", hint=hint)
    return found.literal


def _networks(compiler: Compiler, nodes: Sequence[ast.expr]) -> tuple[str, ...]:
    """The addresses and networks that literals name, in their usual form."""
    networks = []
    for node in nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            compiler.wrong(node, "a network must be a literal text", expected='a text such as "10.0.0.0/8"')
            continue
        try:
            networks.append(str(ip_network(node.value)))
        except ValueError as error:
            hint = ""
            if "host bits" in str(error):
                hint = f'the network is "{ip_network(node.value, strict=False)}"'
            compiler.wrong(node, "not an address or a network", expected='such as "10.0.0.0/8" or "::1"', hint=hint)
    return tuple(networks)
