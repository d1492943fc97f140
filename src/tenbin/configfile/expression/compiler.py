"""From a Python syntax tree to the model's expression tree, with the types checked on the way.

Owns names, calls, methods and logic; comparisons and membership are in `comparison`. Every problem of an expression is
collected, not only the first: what is wrong yields a value of unknown kind, which fits everywhere.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile.expression import beyond, comparison, facts, regex, vocabulary
from tenbin.configfile.expression.syntax import Parsed, parse
from tenbin.configfile.expression.typed import UNKNOWN, Compiled, Rate, Typed, Use
from tenbin.configfile.expression.vocabulary import (
    CALLS,
    CLOSED,
    EXAMPLES,
    FUNCTIONS,
    METHODS,
    NAMES,
    NAMESPACES,
    Kind,
)
from tenbin.configfile.problem import Mistake, Problem
from tenbin.configfile.suggest import did_you_mean, nearest
from tenbin.configfile.tokens import is_token
from tenbin.errors import Severity
from tenbin.model.expression import All, Any, Const, Convert, Expression, Fetch, Match, Not

if TYPE_CHECKING:
    from collections.abc import Sequence

_INT_RANGE = range(-(2**63), 2**63)
_DEEPEST = 32

_REFUSED: tuple[tuple[type[ast.expr] | tuple[type[ast.expr], ...], str, str], ...] = (
    (ast.Subscript, "nothing has elements here", "compare with startswith, endswith or in"),
    (ast.JoinedStr, "an f-string is not a literal text", "leave the f before the quotes out"),
    ((ast.Tuple, ast.List, ast.Set), "alternatives stand after `in`", 'such as method in ("GET", "HEAD")'),
    (ast.IfExp, "`if` is not part of a condition", "join conditions with and, or, not"),
    ((ast.BinOp, ast.UnaryOp), "a condition does not calculate", "compare values as they are; join them with and, or"),
)


def condition(code: str, *, answer: bool = False) -> Compiled:
    """Compile a condition; `answer`: on the server's answer. Raises `Mistake` with all problems and their places."""
    compiler = Compiler(parse(code), answer=answer)
    return compiler.finish(compiler.truth(compiler.parsed.body))


def key(code: str, *, answer: bool = False, literal: bool = False) -> Compiled:
    """Compile an expression that yields a text, number or address to hash or remember; `literal`: or is one."""
    compiler = Compiler(parse(code), answer=answer)
    found = compiler.value(compiler.parsed.body)
    if found.is_literal and not literal:
        compiler.wrong(
            compiler.parsed.body, "a constant is the same for every request", hint='such as header("x-user")'
        )
    elif found.kind is Kind.TRUTH:
        compiler.wrong(compiler.parsed.body, "a condition cannot be a key", expected="text, a number or an address")
    return compiler.finish(found.expression)


def part(code: str, *, offset: int, answer: bool) -> Compiled:
    """Compile the expression between the braces of a text; problems are moved by `offset`."""
    try:
        compiler = Compiler(parse(code), answer=answer)
        found = compiler.value(compiler.parsed.body)
        if found.kind is Kind.TRUTH and not isinstance(found.expression, Fetch):
            compiler.wrong(compiler.parsed.body, "a condition has no text", expected="text, a number or an address")
        compiled = compiler.finish(found.expression)
    except Mistake as error:
        raise Mistake(*(_moved(problem, offset, len(code)) for problem in error.problems)) from None
    return replace(
        compiled,
        uses=_moved_uses(compiled.uses, offset),
        tables=_moved_uses(compiled.tables, offset),
        lists=_moved_uses(compiled.lists, offset),
        warnings=tuple(_moved(problem, offset, len(code)) for problem in compiled.warnings),
    )


class Compiler:
    """Walks one syntax tree; `answer`: facts of the server's answer may be asked for."""

    def __init__(self, parsed: Parsed, *, answer: bool = False) -> None:
        self.parsed = parsed
        self.answer = answer
        self._problems: list[Problem] = []
        self._uses: list[Use] = []
        self._tables: list[Use] = []
        self._lists: list[Use] = []
        self._rates: list[Rate] = []
        self._patterns: list[Use] = []
        self._depth = 0

    def finish(self, expression: Expression) -> Compiled:
        """Return the result, or raise all errors that were found."""
        if any(problem.severity is Severity.ERROR for problem in self._problems):
            raise Mistake(*self._problems)
        asked = (tuple(self._tables), tuple(self._lists), tuple(self._rates), tuple(self._patterns))
        return Compiled(expression, tuple(self._uses), tuple(self._problems), *asked)

    def used(self, use: Use) -> None:
        """Note a fact that is asked for."""
        self._uses.append(use)

    def used_table(self, use: Use) -> None:
        """Note a table that is looked into."""
        self._tables.append(use)

    def used_list(self, use: Use) -> None:
        """Note a file that is looked up in."""
        self._lists.append(use)

    def used_patterns(self, use: Use) -> None:
        """Note a file of patterns."""
        self._patterns.append(use)

    def rated(self, rate: Rate) -> None:
        """Note something whose rate is asked for."""
        self._rates.append(rate)

    def wrong(self, node: ast.AST, message: str, *, expected: str = "", hint: str = "") -> Typed:
        """Note an error at a node and return what stands for its value."""
        start, end = self.parsed.span(node)
        self._problems.append(Problem(message, expected=expected, hint=hint, start=start, end=end))
        return UNKNOWN

    def doubt(self, node: ast.AST, message: str, *, hint: str = "") -> None:
        """Note a warning at a node."""
        start, end = self.parsed.span(node)
        self._problems.append(Problem(message, hint=hint, start=start, end=end, severity=Severity.WARNING))

    def truth(self, node: ast.expr) -> Expression:
        """Compile a node that must be true or false; text that may be absent is true when it is not empty."""
        found = self.value(node)
        if found.kind in (Kind.TRUTH, Kind.UNKNOWN) or (found.kind is Kind.TEXT and found.optional):
            return found.expression
        what = self.parsed.text(node)
        if found.is_literal:
            hint = "leave `when` out for a route that always applies"
        elif found.kind is Kind.ADDRESS:
            hint = f'compare it: {what} in "10.0.0.0/8"'
        elif found.kind is Kind.NUMBER:
            hint = f"compare it: {what} == 80"
        else:
            hint = f'compare it: {what} == "..."'
        self.wrong(node, f"`{what}` is {found.kind}, not a condition", expected="something true or false", hint=hint)
        return Const(None)

    def value(self, node: ast.expr) -> Typed:
        """Compile any node."""
        if self._depth == _DEEPEST:
            # The data plane reads the tree as nested JSON, whose depth is bounded too.
            start, end = self.parsed.span(node)
            raise Mistake(Problem("the expression is nested too deeply", start=start, end=end))
        self._depth += 1
        found = beyond.compiled(self, node) or self._node(node)
        self._depth -= 1
        return found

    def _node(self, node: ast.expr) -> Typed:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node, node.id)
            case ast.Attribute() if (name := beyond.dotted(node)).partition(".")[0] in NAMESPACES:
                return self._name(node, name)
            case ast.Call():
                return self._call(node)
            case ast.BoolOp():
                return self._logic(node)
            case ast.UnaryOp(op=ast.Not()):
                return Typed(_negated(self.truth(node.operand)), Kind.TRUTH)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))) if type(number) is int:
                return Typed(Const(-number), Kind.NUMBER)
            case ast.Compare():
                return comparison.compare(self, node)
            case _:
                return self._not_in_the_language(node)

    def _constant(self, node: ast.Constant) -> Typed:
        match node.value:
            case bool(value):
                return Typed(Const(value), Kind.TRUTH)
            case str(value):
                return Typed(Const(value), Kind.TEXT)
            case int(value) if value in _INT_RANGE:
                return Typed(Const(value), Kind.NUMBER)
            case int():
                return self.wrong(node, "the number is too large", expected="a number of at most 64 bits")
            case None:
                return Typed(Const(None), Kind.NOTHING)
            case float(value):
                versions = {str(float(version)): version for known in CLOSED.values() for version in known}
                hint = f'versions are texts: "{versions[str(value)]}"' if str(value) in versions else ""
                return self.wrong(node, "no fact about a request is a fraction", expected="a whole number", hint=hint)
            case bytes():
                return self.wrong(node, "bytes are not text here", hint="leave the b before the quotes out")
            case _:
                return self.wrong(node, f"`{self.parsed.text(node)}` is not a value here")

    def _name(self, node: ast.Name | ast.Attribute, name: str) -> Typed:
        about = NAMES.get(name)
        if about is None:
            return self._unknown_fact(node, name) if isinstance(node, ast.Attribute) else self._unknown_name(node)
        start, end = self.parsed.span(node)
        self._uses.append(Use(name, start, end))
        if about.answer and not self.answer:
            message = f"`{name}` is not known before the server has answered"
            return self.wrong(node, message, hint="it can be used in the headers of `response`")
        return Typed(Fetch(name), about.kind, about.optional, about.shape)

    def _unknown_name(self, node: ast.Name) -> Typed:
        name = node.id
        if name in FUNCTIONS:
            return self.wrong(node, f"`{name}` must be called", hint=f"such as {EXAMPLES[name]}")
        known = [known for known, about in NAMES.items() if "." not in known and (self.answer or not about.answer)]
        hint = vocabulary.FOREIGN.get(name) or did_you_mean(name, [*known, *FUNCTIONS])
        hint = hint or did_you_mean(name, facts.fetches())
        if not hint:
            hint = f'a text stands in quotes: "{name}"'
        return self.wrong(node, f"unknown name `{name}`", expected=f"one of {', '.join(known)}", hint=hint)

    def _unknown_fact(self, node: ast.Attribute, name: str) -> Typed:
        """A name with dots that begins like those that are known."""
        before, _, last = name.rpartition(".")
        if before in NAMES and last in METHODS:
            return self.wrong(node, f"`{last}` must be called", hint=f"write {name}()")
        if before in NAMES and last in vocabulary.FOREIGN_METHODS:
            return self._unknown_method(node, before)
        first = name.partition(".")[0]
        known = [known for known in NAMES if known.startswith(f"{first}.")]
        hint = vocabulary.FOREIGN_FACTS.get(name) or did_you_mean(name, known)
        expected = _one_of(known)
        return self.wrong(node, f"unknown name `{name}`", expected=expected, hint=hint)

    def _logic(self, node: ast.BoolOp) -> Typed:
        parts = tuple(self.truth(value) for value in node.values)
        both = All if isinstance(node.op, ast.And) else Any
        flat: list[Expression] = []
        for one in parts:
            flat.extend(one.of if isinstance(one, both) else (one,))
        return Typed(both(tuple(flat)), Kind.TRUTH)

    def _call(self, node: ast.Call) -> Typed:
        if node.keywords:
            return self.wrong(node.keywords[0], "arguments have no names here")
        match node.func:
            case ast.Attribute() as called if (name := beyond.dotted(called)) in NAMES:
                return self.wrong(node, f"`{name}` is not called", hint=f"write `{name}`, without parentheses")
            case ast.Attribute() as called:
                return self._method(node, called)
            case ast.Name(id="matches"):
                return self._matches(node)
            case ast.Name(id="len"):
                return self._length(node)
            case ast.Name(id=name) if name in CALLS:
                return self._fetch(node, name)
            case ast.Name(id=name) if name in NAMES:
                return self.wrong(node, f"`{name}` is not called", hint=f"write `{name}`, without parentheses")
            case ast.Name(id="table"):
                message = "a table is asked for one of its counters"
                return self.wrong(node, message, hint=f"such as {EXAMPLES['table']}")
            case ast.Name(id=name) as called:
                hint = did_you_mean(name, FUNCTIONS) or vocabulary.FOREIGN.get(name, "")
                hint = hint or did_you_mean(name, facts.fetches())
                return self.wrong(called, f"unknown function `{name}`", expected=_one_of(FUNCTIONS), hint=hint)
            case _:
                return self.wrong(node.func, "this cannot be called", expected=_one_of(FUNCTIONS))

    def _fetch(self, node: ast.Call, name: str) -> Typed:
        given = self._text_arguments(node, f"`{name}`", hint=f"such as {EXAMPLES[name]}")
        if given is None:
            return UNKNOWN
        if len(given) != 1:
            message = f"`{name}` takes the name of one {CALLS[name]}, not {len(given)}"
            return self.wrong(node, message, hint=f"such as {EXAMPLES[name]}")
        (argument,) = given
        if name != "param" and not is_token(argument):
            return self.wrong(node.args[0], f"no {CALLS[name]} can have this name", expected="letters, digits and -_.")
        if not argument:
            return self.wrong(node.args[0], f"an empty name of a {CALLS[name]}")
        start, end = self.parsed.span(node)
        self._uses.append(Use(name, start, end))
        argument = argument.lower() if name == "header" else argument
        return Typed(Fetch(name, (argument,)), Kind.TEXT, optional=True)

    def _matches(self, node: ast.Call) -> Typed:
        if len(node.args) != 2:
            hint = f"such as {EXAMPLES['matches']}"
            return self.wrong(node, f"`matches` takes a text and a regular expression, not {len(node.args)}", hint=hint)
        subject = self.text(node.args[0], "a regular expression is matched against text")
        pattern = node.args[1]
        if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str):
            return self.wrong(pattern, "the regular expression must be a literal text", hint='such as "^/v[0-9]+/"')
        if found := regex.problems(pattern.value):
            start, end = self.parsed.span(pattern)
            self._problems.extend(
                _in_literal(one, self.parsed.text(pattern), pattern.value, start, end) for one in found
            )
            return UNKNOWN
        return Typed(Match("reg", subject.expression, (pattern.value,)), Kind.TRUTH)

    def _length(self, node: ast.Call) -> Typed:
        if len(node.args) != 1:
            return self.wrong(node, f"`len` takes one text, not {len(node.args)}", hint=f"such as {EXAMPLES['len']}")
        subject = self.text(node.args[0], "only text has a length")
        return Typed(Convert("length", subject.expression), Kind.NUMBER)

    def _method(self, node: ast.Call, called: ast.Attribute) -> Typed:
        subject, name = called.value, called.attr
        written = self.parsed.text(subject)
        if name not in METHODS:
            return self._unknown_method(called, written)
        found = self.text(subject, f"`{name}` is a method of text")
        if name in ("startswith", "endswith"):
            patterns = self._text_arguments(
                node, f"`{name}`", hint=f'such as {written}.{name}("/api/")', alternatives=True
            )
            if patterns is None or found.kind is Kind.UNKNOWN:
                return UNKNOWN
            if name == "startswith":
                comparison.doubt_literals(self, node.args[0], found, patterns)
            return Typed(Match("beg" if name == "startswith" else "end", found.expression, patterns), Kind.TRUTH)
        characters: tuple[str, ...] | None = ()
        if node.args:
            if name != "strip":
                return self.wrong(node.args[0], f"`{name}` takes no argument", hint=f"write {written}.{name}()")
            characters = self._text_arguments(node, "`strip`", hint=f'such as {written}.strip("/")')
        if characters is None or found.kind is Kind.UNKNOWN:
            return UNKNOWN
        shape = name if name in ("lower", "upper") else found.shape if name != "strip" else ""
        return Typed(Convert(name, found.expression, characters), Kind.TEXT, found.optional or name == "strip", shape)

    def _unknown_method(self, called: ast.Attribute, written: str) -> Typed:
        name = called.attr
        if isinstance(called.value, ast.Name) and called.value.id in vocabulary.FOREIGN:
            return self.value(called.value)
        hint = did_you_mean(name, METHODS) or did_you_mean(name, facts.converters())
        if name in vocabulary.FOREIGN_METHODS and not nearest(name, METHODS):
            hint = vocabulary.FOREIGN_METHODS[name].format(written)
        return self.wrong(called, f"unknown method `{name}`", expected=_one_of(METHODS), hint=hint)

    def text(self, node: ast.expr, why: str) -> Typed:
        """Compile a node that must yield text that depends on the request."""
        found = self.value(node)
        if found.kind is Kind.UNKNOWN:
            return found
        if found.kind is not Kind.TEXT:
            return self.wrong(node, f"{why}, and `{self.parsed.text(node)}` is {found.kind}")
        if found.is_literal:
            return self.wrong(node, f"{why} of the request, and this is a constant", hint="such as path or host")
        return found

    def _text_arguments(
        self, node: ast.Call, what: str, *, hint: str, alternatives: bool = False
    ) -> tuple[str, ...] | None:
        """The literal texts that a call was given; a tuple of them where alternatives are allowed."""
        arguments = list[ast.expr](node.args)
        if alternatives:
            if len(arguments) != 1:
                self.wrong(node, f"{what} takes one text or a tuple of texts, not {len(arguments)}", hint=hint)
                return None
            if isinstance(arguments[0], ast.Tuple | ast.List | ast.Set):
                arguments = arguments[0].elts
        if not arguments:
            self.wrong(node, f"{what} needs a text", hint=hint)
            return None
        texts = []
        for argument in arguments:
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                self.wrong(argument, f"{what} takes a literal text", expected="a text in quotes", hint=hint)
                return None
            texts.append(argument.value)
        return tuple(texts)

    def _not_in_the_language(self, node: ast.expr) -> Typed:
        match node:
            case ast.Attribute(value=ast.Name() as name) if name.id in vocabulary.FOREIGN:
                return self._unknown_name(name)
            case ast.Attribute(attr=method) if method in METHODS:
                return self.wrong(node, f"`{method}` must be called", hint=f"write {self.parsed.text(node)}()")
            case ast.Attribute():
                return self._unknown_method(node, self.parsed.text(node.value))
            case ast.Subscript(value=ast.Name(id=name)) if name.rstrip("s") in CALLS:
                return self.wrong(node, "nothing has elements here", hint=f"such as {EXAMPLES[name.rstrip('s')]}")
        for kinds, message, hint in _REFUSED:
            if isinstance(node, kinds):
                return self.wrong(node, message, hint=hint)
        return self.wrong(node, "this kind of Python is not part of a condition", expected="comparisons, and, or, not")


def _negated(expression: Expression) -> Expression:
    return expression.input if isinstance(expression, Not) and _is_truth(expression.input) else Not(expression)


def _is_truth(expression: Expression) -> bool:
    return not isinstance(expression, Fetch | Convert)


def _in_literal(problem: Problem, written: str, value: str, start: int, end: int) -> Problem:
    """Place a problem of a literal's value in the expression; exactly only when the literal has no escapes."""
    quote = written.find(value)
    if not problem.end or quote < 0:
        return replace(problem, start=start, end=end)
    return replace(problem, start=start + quote + problem.start, end=start + quote + problem.end)


def _moved_uses(uses: tuple[Use, ...], offset: int) -> tuple[Use, ...]:
    return tuple(replace(use, start=use.start + offset, end=use.end + offset) for use in uses)


def _moved(problem: Problem, offset: int, length: int) -> Problem:
    end = problem.end or length
    return replace(problem, start=problem.start + offset, end=end + offset)


def _one_of(words: Sequence[str]) -> str:
    return f"one of {', '.join(words)}"
