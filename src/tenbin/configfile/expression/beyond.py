"""What goes beyond the common names: facts and converters of the vocabulary, rates, tables and maps.

Owns which piece of syntax is which of them; `facts` and `counters` compile it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tenbin.configfile.expression import counters, facts
from tenbin.configfile.expression.fits import fits
from tenbin.configfile.expression.vocabulary import METHODS, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.expression.compiler import Compiler
    from tenbin.configfile.expression.typed import Typed

_FUNCTIONS: dict[str, Callable[[Compiler, ast.Call], Typed]] = {
    "rate": counters.rate,
    "map": counters.lookup,
    "fits": fits,
}


def compiled(compiler: Compiler, node: ast.expr) -> Typed | None:
    """Compile a node that is one of these; None when it is not."""
    if isinstance(node, ast.Call):
        return None if node.keywords else _call(compiler, node)
    if isinstance(node, ast.Attribute) and _is_table(node.value):
        return counters.counter(compiler, node, ())
    name = dotted(node)
    return facts.fetch(compiler, node, name, ()) if _is_fetch(name) else None


def dotted(node: ast.expr) -> str:
    """The name that attributes of a name spell, such as `tls.client.name`; "" for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=attr) if before := dotted(inner):
            return f"{before}.{attr}"
    return ""


def _call(compiler: Compiler, node: ast.Call) -> Typed | None:
    called = node.func
    name = dotted(called)
    if name in _FUNCTIONS:
        return _FUNCTIONS[name](compiler, node)
    if _is_fetch(name):
        return facts.fetch(compiler, node, name, node.args)
    if not isinstance(called, ast.Attribute):
        return None
    if _is_table(called.value):
        return counters.counter(compiler, called, node.args)
    if called.attr in facts.converters() and called.attr not in METHODS and name not in NAMES:
        return facts.convert(compiler, node, called)
    return None


def _is_fetch(name: str) -> bool:
    return bool(name) and name not in NAMES and name in facts.fetches()


def _is_table(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "table"
