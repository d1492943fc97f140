"""The YAML of a configuration as a tree that knows where everything stands.

Mappings are dicts and sequences lists, so that pydantic takes them as they are; beside their values they hold spans.
Paths are what pydantic's errors carry: keys and indexes from the root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native import positions
from tenbin.configfile.secrets import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tenbin.configfile.native.variables import Expanded
    from tenbin.configfile.problem import Problem
    from tenbin.configfile.source import Source, Span

Path = tuple[str | int, ...]

KEY = "[key]"
"""The last step of a path to a key instead of its value."""


class Invalid:
    """Stands for a value that has been reported as wrong already; everything about it is passed over."""

    def __repr__(self) -> str:
        return "invalid"


INVALID = Invalid()


class Map(dict[str, object]):
    """A mapping with the places of its keys and values."""

    __slots__ = ("expanded", "keys_at", "span", "values_at")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.keys_at: dict[str, Span] = {}
        self.values_at: dict[str, Span] = {}
        self.expanded: dict[str, Expanded] = {}


class Seq(list[object]):
    """A sequence with the places of its items."""

    __slots__ = ("expanded", "span", "values_at")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.values_at: list[Span] = []
        self.expanded: list[Expanded | None] = []


Container = Map | Seq


class Tree:
    """A root value and its source; answers where a path leads."""

    def __init__(self, source: Source, root: object, span: Span) -> None:
        self.source = source
        self.root = root
        self.span = span

    def value(self, path: Sequence[str | int]) -> object:
        """The value at a path, or the last one on the way to it."""
        container, step = self._last_step(path)
        return self.root if container is None else _get(container, step)

    def span_of(self, path: Sequence[str | int], *, key: bool = False) -> Span:
        """Where the value at a path stands, or the last one on the way to it.

        `key`: where its key stands; of a sequence's item there is none, so the item itself.
        """
        container, step = self._last_step(path)
        if container is None:
            return self._root_span()
        if isinstance(container, Map) and isinstance(step, str):
            return container.keys_at[step] if key else container.values_at[step]
        return container.values_at[int(step)] if isinstance(container, Seq) else container.span

    def span_of_problem(self, path: Sequence[str | int], problem: Problem) -> Span:
        """Where to put the caret for a problem with the value at a path."""
        value = self.value(path)
        if path and path[-1] == KEY:
            return self.span_of(path, key=True)
        if problem.key and isinstance(value, Map) and problem.key in value.keys_at:
            return value.keys_at[problem.key]
        if isinstance(value, Map):
            return self._name_of(path)
        start, end = self.span_of(path)
        if not problem.end or not isinstance(value, str):
            return start, end
        return _inside(self.source.text, (start, end), value, self._expanded(path), problem)

    def excerpt(self, path: Sequence[str | int], span: Span, *, part: bool) -> str:
        """What stands at a path, for a message: the text of its token, or what its variables made of the whole."""
        value = self.value(path)
        if path and path[-1] == KEY:
            return self.source.excerpt(span)
        if any(is_secret(str(step)) for step in path):
            return "something that is not shown"
        if isinstance(value, Seq):
            return "a list" if value else "an empty list"
        return f"`{value}`" if self._expanded(path) is not None and not part else self.source.excerpt(span)

    def reaches_value(self, path: Sequence[str | int]) -> bool:
        """Whether the path leads to a value that is not known to be wrong already."""
        return self.value(path) is not INVALID

    def has(self, path: Sequence[str | int]) -> bool:
        """Whether every step of a path is in the file."""
        value = self.root
        for step in path:
            if not _has(value, step):
                return False
            value = _get(value, step)  # type: ignore[arg-type]  # it has steps, so it is a container
        return True

    def is_list(self, path: Sequence[str | int]) -> bool:
        """Whether a path leads to a sequence."""
        return self.has(path) and isinstance(self.value(path), Seq)

    def prune(self, paths: Iterable[Sequence[str | int]]) -> bool:
        """Take the values at these paths (or the last ones on the way to them) out; False if the root is among them.

        The paths of what is left are those of the smaller tree.
        """
        steps = [self._last_step(path) for path in paths]
        if any(container is None for container, _ in steps):
            return False
        unique = {(id(container), step): container for container, step in steps}
        for (_, step), container in sorted(unique.items(), key=lambda item: str(item[0][1]).zfill(12), reverse=True):
            if isinstance(container, Map):
                del container[str(step)]
            elif isinstance(container, Seq):
                index = int(step)
                del container[index], container.values_at[index], container.expanded[index]
        return True

    def _last_step(self, path: Sequence[str | int]) -> tuple[Container | None, str | int]:
        """The container of the value that a path leads to, and the step in it; None for the root."""
        container: Container | None = None
        last: str | int = ""
        value = self.root
        for step in path:
            if not _has(value, step):
                continue
            container, last = value, step  # type: ignore[assignment]  # it has steps, so it is a container
            value = _get(container, step)  # type: ignore[arg-type]
        return container, last

    def _expanded(self, path: Sequence[str | int]) -> Expanded | None:
        container, step = self._last_step(path)
        if isinstance(container, Map):
            return container.expanded.get(str(step))
        return container.expanded[int(step)] if isinstance(container, Seq) else None

    def _name_of(self, path: Sequence[str | int]) -> Span:
        """What stands for a whole mapping: its key, or its first key when it is an item of a list."""
        value = self.value(path)
        container, step = self._last_step(path)
        if isinstance(container, Map) and isinstance(step, str):
            return container.keys_at[step]
        if isinstance(value, Map) and value.keys_at:
            return next(iter(value.keys_at.values()))
        return self.span_of(path)

    def _root_span(self) -> Span:
        if isinstance(self.root, Map) and self.root.keys_at:
            return next(iter(self.root.keys_at.values()))
        return self.span


def _has(value: object, step: str | int) -> bool:
    if isinstance(value, Map):
        return step in value
    return isinstance(value, Seq) and isinstance(step, int) and step < len(value)


def _get(container: Container, step: str | int) -> object:
    return container[step]  # type: ignore[index]  # `_has` was asked before


def _inside(text: str, span: Span, value: str, expanded: Expanded | None, problem: Problem) -> Span:
    """The part of a scalar that a problem is about."""
    start, end = problem.start, max(problem.end, problem.start + 1)
    if expanded is not None:
        start, end, value = expanded.original(start), expanded.original(end - 1) + 1, expanded.raw
    places = positions.offsets(text, span[0], span[1], value)
    if places is None or start >= len(places):
        return span
    last = places[min(end, len(places)) - 1]
    return places[start], max(last, places[start]) + 1
