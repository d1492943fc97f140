"""Expressions of the model as expressions on the wire, node for node.

Owns the translation only; types were checked by the reader, and the data plane evaluates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from tenbin import model
from tenbin.plan import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    Comparison = Literal["eq", "ne", "lt", "le", "gt", "ge"]


def expression(node: model.Expression) -> wire.Expr:
    """Translate one tree."""
    match node:
        case model.Const(value):
            return wire.Const(value=value)
        case model.Fetch(name, args):
            return wire.Fetch(name=name, args=args)
        case model.Convert(name, inner, args):
            return wire.Convert(name=name, input=expression(inner), args=args)
        case model.Match(method, inner, patterns, ignore_case, lists, each):
            return wire.Match(
                method=method,
                input=expression(inner),
                patterns=patterns,
                ignore_case=ignore_case,
                lists=lists,
                each=each,
            )
        case model.Compare(cmp, left, right):
            # The reader writes only the six comparisons that the contract names.
            return wire.Compare(cmp=cast("Comparison", cmp), left=expression(left), right=expression(right))
        case model.Not(inner):
            return wire.Not(input=expression(inner))
        case model.All(of):
            return wire.All(of=_each(of))
        case model.Any(of):
            return wire.Any(of=_each(of))
        case model.Concat(of):
            return wire.Concat(of=_each(of))


def optional(node: model.Expression | None) -> wire.Expr | None:
    """Translate a tree where there is one."""
    return None if node is None else expression(node)


def _each(nodes: Iterable[model.Expression]) -> tuple[wire.Expr, ...]:
    return tuple(expression(node) for node in nodes)
