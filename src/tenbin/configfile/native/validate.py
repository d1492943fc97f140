"""From the tree to the document: pydantic's errors and our own, each at its place in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tenbin.configfile.native.document.root import RootDocument
from tenbin.configfile.native.tree import Map
from tenbin.configfile.problem import Mistake, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from tenbin.configfile.native.document.base import Notes
    from tenbin.configfile.native.tree import Path, Tree
    from tenbin.errors import Diagnostic

_MOST_ROUNDS = 12

_QUOTED = re.compile(r"`(\w+)`")
_WORD = re.compile(r"\w+")

_MISSING = {
    "servers": ("a backend has no servers", "servers: [10.0.0.1:8080]"),
    "address": ("there is no address", "address: 10.0.0.1:8080"),
    "listen": ("nothing says where to listen", 'listen: ":8080"'),
    "key": ("nothing says what to hash", 'key: header("x-user")'),
    "prefix": ("nothing says which prefix to change", "prefix: /api/"),
    "certificates": ("there are no certificates", "certificates: certs/"),
    "certificate": ("there is no certificate", "certificate: site.pem"),
    "ca": ("nothing says which authorities sign for clients", "ca: clients.pem"),
    "from": ("nothing says whose connections begin with it", "from: 10.0.0.0/8"),
    "version": ("nothing says which version", "version: v2"),
    "to": ("nothing says what stands there instead", "to: /"),
}


def validate(tree: Tree) -> tuple[RootDocument | None, list[Diagnostic]]:
    """Return the document and every problem of its parts.

    Where something is wrong it is taken out of the tree and the rest validated again; None when nothing is left.
    """
    diagnostics: list[Diagnostic] = []
    for round_ in range(_MOST_ROUNDS):
        notes: Notes = []
        try:
            document = RootDocument.model_validate(tree.root, context=notes)
        except ValidationError as error:
            found = list(_details(error))
        else:
            found = []
        if round_ == 0:
            diagnostics.extend(tree.source.diagnostic(problem, mapping.keys_at[key]) for mapping, key, problem in notes)
            for path, problems in found:
                if tree.reaches_value(path):
                    told = [one for one in problems if not _explained(tree, path, one, notes)]
                    diagnostics.extend(_placed(tree, path, problem) for problem in told)
        if not found:
            return document, diagnostics
        if not tree.prune(path for path, _ in found):
            return None, diagnostics
    return None, diagnostics


def _details(error: ValidationError) -> Iterator[tuple[Path, tuple[Problem, ...]]]:
    for details in error.errors(include_url=False, include_input=False):
        yield details["loc"], _problems(details)


def _problems(details: ErrorDetails) -> tuple[Problem, ...]:
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Mistake):
        return cause.problems
    if details["type"] == "missing":
        key = str(details["loc"][-1])
        message, example = _MISSING.get(key, (f"`{key}` is missing", ""))
        return (Problem(message, expected=f"`{key}`", hint=f"such as {example}" if example else ""),)
    kind = {"list_type": "a list", "dict_type": "a mapping"}.get(details["type"], "")
    return (Problem(f"this is not {kind}" if kind else details["msg"], expected=kind),)


def _explained(tree: Tree, path: Path, problem: Problem, notes: Notes) -> bool:
    """Whether a key is missing only because it was misspelled, which has been told."""
    mapping = tree.value(path)
    meant = {word for noted, _, note in notes if noted is mapping for word in _QUOTED.findall(note.hint)}
    return bool(meant) and not meant.isdisjoint(_WORD.findall(problem.expected))


def _placed(tree: Tree, path: Path, problem: Problem) -> Diagnostic:
    span = tree.span_of_problem(path, problem)
    if not problem.found and not problem.key:
        value = tree.value(path)
        found = "" if isinstance(value, Map) else tree.excerpt(path, span, part=bool(problem.end))
        problem = Problem(
            problem.message,
            expected=problem.expected,
            hint=problem.hint,
            found=found if problem.expected else "",
            severity=problem.severity,
        )
    return tree.source.diagnostic(problem, span)
