"""Facts and converters beyond the common ones: whatever the data plane's vocabulary has, by its name there.

Owns how such a name is written in Python: dots are attributes, a dash is an underscore; a fetch with arguments is
called, a converter is a method. Common names, which have shapes and shorter spellings, are in `vocabulary`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tenbin.configfile.expression import regex
from tenbin.configfile.expression.known import KnownConverter, KnownFetch, known
from tenbin.configfile.expression.typed import UNKNOWN, Typed, Use
from tenbin.configfile.expression.vocabulary import CALLS, NAMES, Kind
from tenbin.model.expression import Convert, Fetch

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping, Sequence

    from tenbin.configfile.expression.compiler import Compiler
    from tenbin.configfile.expression.known import Parameter
    from tenbin.model.expression import Scalar

_KINDS = {"str": Kind.TEXT, "bin": Kind.TEXT, "int": Kind.NUMBER, "ip": Kind.ADDRESS, "bool": Kind.TRUTH}
_INPUTS = {Kind.TEXT: "str", Kind.NUMBER: "int", Kind.ADDRESS: "ip", Kind.TRUTH: "bool"}
_LITERALS = frozenset(("str", "int", "bool", "bin", "meth", "ipv4", "ipv6"))
_WITH_EFFECT = frozenset(("set_var", "unset_var", "debug", "capture_req", "capture_res", "bool_text"))
_BYTES = ("req.len", "req.payload", "req.payload_lv", "req.ssl_", "req.rdp_cookie", "res.len", "res.payload")


@cache
def fetches() -> Mapping[str, KnownFetch]:
    """Every fetch by its name in Python, without those that have a common name."""
    found = {one.name.replace("-", "_"): one for one in known().fetches.values()}
    return {
        name: one
        for name, one in found.items()
        if name not in NAMES
        and name not in CALLS
        and name not in _LITERALS
        and not name.startswith("log.")
        and "+" not in name
    }


@cache
def converters() -> Mapping[str, KnownConverter]:
    """Every converter that is a method; those with a file, a table or an effect are written otherwise."""
    found = {one.name.replace("-", "_"): one for one in known().converters.values()}
    return {
        name: one
        for name, one in found.items()
        if name not in _WITH_EFFECT and not any(arg.kind in ("map", "table") for arg in one.args)
    }


@cache
def namespaces() -> frozenset[str]:
    """Names that others begin with."""
    return frozenset(name.partition(".")[0] for name in fetches() if "." in name)


def in_tcp(name: str) -> bool:
    """Whether a fetch is known of connections that carry no requests."""
    one = fetches().get(name)
    return one is not None and ("session" in one.phases or one.name.startswith(_BYTES))


def only_answers(one: KnownFetch) -> bool:
    """Whether a fetch is known only when a server has answered."""
    return "request" not in one.phases


def fetch(compiler: Compiler, node: ast.expr, name: str, args: Sequence[ast.expr]) -> Typed:
    """Compile a fetch, called or not, that `fetches` has."""
    one = fetches()[name]
    start, end = compiler.parsed.span(node)
    compiler.used(Use(name, start, end))
    if only_answers(one) and not compiler.answer:
        message = f"`{name}` is not known before the server has answered"
        return compiler.wrong(node, message, hint="it can be used in rules on answers and the headers of `response`")
    given = _arguments(compiler, node, name, args, one.args)
    if given is None:
        return UNKNOWN
    return Typed(Fetch(one.name, given), _KINDS[one.kind], optional=one.kind != "bool")


def convert(compiler: Compiler, node: ast.Call, called: ast.Attribute) -> Typed:
    """Compile a converter, a method that `converters` has."""
    one = converters()[called.attr]
    found = compiler.value(called.value)
    if found.kind is Kind.UNKNOWN:
        return found
    if found.is_literal or _INPUTS.get(found.kind) not in one.input:
        subject = compiler.parsed.text(called.value)
        takes = ", ".join(sorted(kind for name, kind in _KINDS.items() if name in one.input))
        return compiler.wrong(called.value, f"`{called.attr}` is not for `{subject}`", expected=takes)
    given = _arguments(compiler, node, called.attr, node.args, one.args)
    if given is None:
        return UNKNOWN
    return Typed(Convert(one.name, found.expression, given), _KINDS[one.kind], optional=one.kind != "bool")


def _arguments(
    compiler: Compiler, node: ast.expr, name: str, args: Sequence[ast.expr], wanted: Sequence[Parameter]
) -> tuple[Scalar, ...] | None:
    """Literal arguments, as many and of the kinds that are wanted; None when they are wrong."""
    least = sum(not one.optional for one in wanted)
    if not least <= len(args) <= len(wanted):
        count = str(least) if least == len(wanted) else f"{least} to {len(wanted)}"
        word = "argument" if count == "1" else "arguments"
        if not wanted:
            compiler.wrong(node, f"`{name}` takes no arguments", hint=f"write `{name}`, without parentheses")
        else:
            compiler.wrong(node, f"`{name}` takes {count} {word}, not {len(args)}", expected=_usage(name, wanted))
        return None
    found = [_argument(compiler, name, arg, one) for arg, one in zip(args, wanted, strict=False)]
    return None if None in found else tuple(found)


def _argument(compiler: Compiler, name: str, node: ast.expr, wanted: Parameter) -> Scalar:
    value = compiler.value(node)
    if value.kind is Kind.UNKNOWN:
        return None
    literal = value.literal
    number = isinstance(literal, int) and not isinstance(literal, bool)
    if number and wanted.kind in ("int", "number"):
        return literal
    if isinstance(literal, str) and wanted.kind != "int":
        if wanted.kind == "regex" and (problems := regex.problems(literal)):
            compiler.wrong(node, problems[0].message, hint=problems[0].hint)
            return None
        return literal
    kind = "a number" if wanted.kind == "int" else "a text in quotes"
    compiler.wrong(node, f"`{name}` takes {kind} here", expected=f"{kind}, written out")
    return None


def _usage(name: str, wanted: Sequence[Parameter]) -> str:
    examples = ["1" if one.kind in ("int", "number") else '"..."' for one in wanted if not one.optional]
    return f"such as {name}({', '.join(examples)})"
