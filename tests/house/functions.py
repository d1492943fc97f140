"""Finds functions and their sizes, in Python with `ast` and in Rust with as much of its grammar as that needs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RUST_FN = re.compile(r"\bfn\s+(\w+)")
# What may hold a brace that is none: comments, raw strings, strings, characters (a lifetime is no character).
_RUST_OPAQUE = re.compile(
    r"""//[^\n]* | /\*.*?\*/
    | \bb?r(?P<hashes>\#*)".*?"(?P=hashes) | b?"(?:\\.|[^"\\])*"
    | b?'(?:\\[^\n]+?|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True)
class Function:
    """A function: where it is, how many lines from its head to its end, how many parameters without self."""

    place: str
    name: str
    lines: int
    parameters: int

    def __str__(self) -> str:
        return f"{self.place} {self.name}: {self.lines} lines, {self.parameters} parameters"


def in_python(path: Path, place: str) -> Iterator[Function]:
    """Find the functions of a Python file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parameters = sum(argument.arg not in ("self", "cls") for argument in given)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Function(f"{place}:{node.lineno}", node.name, lines, parameters)


def in_rust(path: Path, place: str) -> Iterator[Function]:
    """Find the functions of a Rust file that have a body."""
    text = blank_opaque(path.read_text())
    for found in _RUST_FN.finditer(text):
        opening = _after_generics(text, found.end())
        if opening >= len(text) or text[opening] != "(":
            continue  # a function pointer's type
        closing = _closing(text, opening)
        body = re.compile("[{;]").search(text, closing)
        if body is None or body.group() == ";":
            continue  # declared only
        line = text.count("\n", 0, found.start()) + 1
        lines = text.count("\n", found.start(), _closing(text, body.start())) + 1
        yield Function(f"{place}:{line}", found.group(1), lines, _count_parameters(text[opening + 1 : closing]))


def blank_opaque(text: str) -> str:
    """Blank comments, strings and characters of Rust; every other character and all line ends keep their places."""
    return _RUST_OPAQUE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        if text[position] in "({[":
            depth += 1
        elif text[position] in ")}]":
            depth -= 1
            if depth == 0:
                return position
    return len(text) - 1


def _after_generics(text: str, position: int) -> int:
    depth = 0
    while position < len(text):
        character = text[position]
        if character == "<":
            depth += 1
        elif character == ">" and text[position - 1] not in "-=":
            depth -= 1
        elif depth == 0 and not character.isspace():
            break
        position += 1
    return position


def _count_parameters(text: str) -> int:
    depth, pieces = 0, [""]
    for position, character in enumerate(text):
        if character in "([{<":
            depth += 1
        elif character in ")]}" or (character == ">" and text[position - 1] not in "-="):
            depth -= 1
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    given = [piece.strip() for piece in pieces if piece.strip()]
    return sum(not re.fullmatch(r"(&\s*('\w+\s+)?)?(mut\s+)?self(\s*:.*)?", piece, re.DOTALL) for piece in given)
