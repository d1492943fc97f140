"""What all resolvers share: where things stand, what has been found wrong, and which settings hold where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tenbin.configfile.native.resolve.files import Files
from tenbin.configfile.native.resolve.memory import Memory
from tenbin.configfile.native.tree import Map
from tenbin.configfile.problem import Problem
from tenbin.errors import Severity

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from tenbin.configfile.expression import Compiled
    from tenbin.configfile.native.tree import Path, Tree
    from tenbin.errors import Diagnostic

Value = TypeVar("Value")


@dataclass
class Context:
    """Collects problems while one tree is resolved. `directory`: what paths in the file are relative to.

    `known_backends` are all names in the file, also of backends that are wrong in themselves. `files` are those that
    the data plane reads.
    """

    tree: Tree
    directory: FilePath
    diagnostics: list[Diagnostic] = field(default_factory=list)
    known_backends: frozenset[str] = frozenset()
    files: Files = field(init=False)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        """Remember the names before anything is taken out of the tree."""
        self.files = Files(self.directory)
        self.memory = Memory(self)
        root = self.tree.root
        backends = root.get("backends") if isinstance(root, Map) else None
        self.known_backends = frozenset(backends) if isinstance(backends, Map) else frozenset()

    def error(self, path: Path, message: str, *, expected: str = "", hint: str = "", key: bool = False) -> None:
        """Note an error at the value that a path leads to, or (`key`) at its key."""
        self._note(path, Problem(message, expected=expected, hint=hint), key=key)

    def warning(self, path: Path, message: str, *, hint: str = "", key: bool = False) -> None:
        """Note a warning at the value that a path leads to, or (`key`) at its key."""
        self._note(path, Problem(message, hint=hint, severity=Severity.WARNING), key=key)

    def inside(self, path: Path, problem: Problem) -> None:
        """Note a problem with a part of the text that a path leads to."""
        self.diagnostics.append(self.tree.source.diagnostic(problem, self.tree.span_of_problem(path, problem)))

    def position(self, path: Path, *, key: bool = False) -> str:
        """`file:line:column` of the value that a path leads to, or (`key`) of its key."""
        return self.tree.source.position(self.tree.span_of(path, key=key)[0])

    def doubts(self, path: Path, compiled: Compiled | None) -> None:
        """Note what is doubtful about an expression."""
        for problem in compiled.warnings if compiled else ():
            self.inside(path, problem)

    def _note(self, path: Path, problem: Problem, *, key: bool) -> None:
        span = self.tree.span_of(path, key=key) if key else self.tree.span_of_problem(path, problem)
        self.diagnostics.append(self.tree.source.diagnostic(problem, span))


def first(*values: Value | None) -> Value:
    """Return the first value that was given; the last one is the default."""
    for value in values:
        if value is not None:
            return value
    raise AssertionError("the last value is the default")


def given(value: Value | None) -> Value:
    """Return a value that the document requires or has a default for."""
    if value is None:
        raise AssertionError("the document has made sure of it")
    return value
