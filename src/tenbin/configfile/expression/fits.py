"""`fits(value, how, pattern ...)`: any of the values that a fact has, any of the patterns, by a method's name.

Owns how it is written: methods of ACLs, ` -i` to ignore case, ` -f` for the patterns of a file.
"""

from __future__ import annotations

import ast
import re
from ipaddress import ip_network
from typing import TYPE_CHECKING

from tenbin.configfile.expression import regex
from tenbin.configfile.expression.typed import Typed, Use
from tenbin.configfile.expression.vocabulary import EXAMPLES, Kind
from tenbin.model.expression import Match

if TYPE_CHECKING:
    from tenbin.configfile.expression.compiler import Compiler

HOW = ("eq", "beg", "end", "sub", "dir", "dom", "len", "int", "ip", "reg", "found", "bool", "bin")

_RANGE = re.compile(r"-?\d+|-?\d*:-?\d*")


def fits(compiler: Compiler, node: ast.Call) -> Typed:
    """Compile a call of `fits`."""
    hint = f"such as {EXAMPLES['fits']}"
    if len(node.args) < 2:
        return compiler.wrong(node, "`fits` takes a fact, how to compare, and patterns", hint=hint)
    literal = [one.value if isinstance(one, ast.Constant) else None for one in node.args[1:]]
    wrong = next((at for at, one in zip(node.args[1:], literal, strict=True) if not isinstance(one, str)), None)
    if wrong is not None:
        return compiler.wrong(wrong, "a pattern must be a literal text", hint=hint)
    how, *patterns = (str(one) for one in literal)
    method, *flags = how.split()[:3] or [""]
    if method not in HOW or not set(flags) <= {"-i", "-f"}:
        return compiler.wrong(node.args[1], "not a way to compare", expected=f"one of {', '.join(HOW)}", hint=hint)
    found = compiler.value(node.args[0])
    if found.kind is Kind.UNKNOWN:
        return found
    if found.is_literal:
        return compiler.wrong(node.args[0], "this is the same for every request", hint=hint)
    if not patterns and method not in ("found", "bool"):
        return compiler.wrong(node, "there is nothing to compare with", hint=hint)
    lists: tuple[str, ...] = ()
    if "-f" in flags:
        for at in node.args[2:]:
            start, end = compiler.parsed.span(at)
            compiler.used_patterns(Use(str(getattr(at, "value", "")), start, end))
        lists, patterns = tuple(patterns), []
    elif any(not _is_pattern(compiler, at, method, one) for at, one in zip(node.args[2:], patterns, strict=True)):
        return Typed(found.expression, Kind.UNKNOWN)
    return Typed(Match(method, found.expression, tuple(patterns), "-i" in flags, lists, each=True), Kind.TRUTH)


def _is_pattern(compiler: Compiler, node: ast.expr, method: str, pattern: str) -> bool:
    """Whether a text is a pattern of a method; tells if not."""
    if method == "reg" and (found := regex.problems(pattern)):
        compiler.wrong(node, found[0].message, hint=found[0].hint)
        return False
    if method == "ip":
        try:
            ip_network(pattern)
        except ValueError:
            compiler.wrong(node, "not an address or a network", expected='such as "10.0.0.0/8" or "::1"')
            return False
    if method in ("int", "len") and not _RANGE.fullmatch(pattern):
        compiler.wrong(node, "not a number", expected='a number or a range such as "10:", "1:5"')
        return False
    return True
