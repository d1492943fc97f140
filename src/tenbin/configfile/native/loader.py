"""From YAML text to a `Tree`: libyaml's events, read with YAML 1.2's meaning and this reader's limits.

Owns what YAML may hold here: no duplicate keys, no tags, one document, bounded depth and expansion. Aliases and merge
keys are followed; variables are filled in. Reading events instead of composed nodes keeps the depth in our hands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from yaml._yaml import CParser

from tenbin.configfile.native import syntax
from tenbin.configfile.native.scalars import resolve
from tenbin.configfile.native.tree import INVALID, Map, Seq, Tree
from tenbin.configfile.native.variables import Expanded, expand
from tenbin.configfile.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.configfile.source import Source, Span
    from tenbin.errors import Diagnostic

_DEEPEST = 32
_MOST_VALUES = 1_000_000
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str")
_MERGE = "<<"

Value = object
_Located = tuple[Value, "Span", Expanded | None]


class _StopReadingError(Exception):
    """The rest of the text cannot be understood; the problem has been noted."""


def parse(source: Source, environment: Mapping[str, str]) -> tuple[Tree | None, list[Diagnostic]]:
    """Return the tree of a text, or None when it has no shape at all, and every problem that was found."""
    reader = _Reader(source, environment)
    try:
        return reader.document(), reader.diagnostics
    except _StopReadingError:
        return None, reader.diagnostics
    except yaml.YAMLError as error:
        reader.diagnostics.append(syntax.explain(error, source))
        return None, reader.diagnostics


class _Reader:
    def __init__(self, source: Source, environment: Mapping[str, str]) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._source = source
        self._environment = environment
        self._parser = CParser(source.text)
        self._depth = 0
        self._values = 0
        self._anchors: dict[str, _Located] = {}
        self._sizes: dict[int, int] = {}

    def document(self) -> Tree | None:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            self.diagnostics.append(
                self._source.whole("the file is empty", hint="`tenbin init` prints a file to start from")
            )
            return None
        root, span, _ = self._node(self._next())
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            problem = Problem("a second document begins here", expected="one document", hint="remove the line `---`")
            self._wrong(problem, _span(event))
            raise _StopReadingError
        return Tree(self._source, root, span)

    def _next(self) -> yaml.Event:
        event = self._parser.get_event()
        if event is None:
            raise _StopReadingError
        return event

    def _node(self, event: yaml.Event) -> _Located:
        span = _span(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", span)
        self._values += 1
        anchor = event.anchor  # type: ignore[attr-defined]  # every event that begins a node has one
        if event.tag not in _PLAIN_TAGS:  # type: ignore[attr-defined]
            tag = self._source.text[span[0] : span[1]].split()[0]
            problem = Problem(f"tags such as `{tag}` have no meaning here", hint="remove the tag")
            self._wrong(problem, (span[0], span[0] + len(tag)))
        if isinstance(event, yaml.ScalarEvent):
            if event.tag not in _PLAIN_TAGS:
                return INVALID, span, None
            located = self._scalar(event, span)
        else:
            located = self._collection(event, span, anchor)
        if anchor is not None:
            self._anchors[anchor] = located
        return located

    def _scalar(self, event: yaml.ScalarEvent, span: Span) -> _Located:
        text: str = event.value
        expanded = None
        if "${" in text:
            expanded = expand(text, self._environment)
            text = expanded.text
            if expanded.problems:
                self._report_variables(expanded, span)
                return INVALID, span, None
        if event.implicit[0] and event.tag is None:
            return resolve(text), span, expanded
        return text, span, expanded

    def _report_variables(self, expanded: Expanded, span: Span) -> None:
        # The tree knows how to place a part of a value; this one has no other value.
        tree = Tree(self._source, expanded.raw, span)
        for problem in expanded.problems:
            self._wrong(problem, tree.span_of_problem((), problem))

    def _collection(self, event: yaml.Event, span: Span, anchor: str | None) -> _Located:
        if self._depth == _DEEPEST:
            self._wrong(Problem("this is nested too deeply", expected=f"at most {_DEEPEST} levels"), span)
            raise _StopReadingError
        if anchor is not None:
            self._anchors.pop(anchor, None)
        self._depth += 1
        before = self._values
        value: Map | Seq
        value = self._mapping(span) if isinstance(event, yaml.MappingStartEvent) else self._sequence(span)
        self._depth -= 1
        self._sizes[id(value)] = self._values - before + 1
        return value, value.span, None

    def _sequence(self, span: Span) -> Seq:
        items = Seq(span)
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            value, where, expanded = self._node(event)
            items.append(value)
            items.values_at.append(where)
            items.expanded.append(expanded)
        items.span = (span[0], _span(event)[1])
        return items

    def _mapping(self, span: Span) -> Map:
        mapping = Map(span)
        merged: list[tuple[Map, Span]] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, key_at, plain = self._key(event)
            value, where, expanded = self._node(self._next())
            if key == _MERGE and plain:
                merged.extend(self._merged(value, where))
            elif key is not None:
                if key in mapping:
                    self._duplicate(key, key_at, mapping.keys_at[key])
                    continue
                mapping[key] = value
                mapping.keys_at[key], mapping.values_at[key] = key_at, where
                if expanded is not None:
                    mapping.expanded[key] = expanded
        mapping.span = (span[0], _span(event)[1])
        for source, _ in merged:
            _merge(mapping, source)
        return mapping

    def _key(self, event: yaml.Event) -> tuple[str | None, Span, bool]:
        span = _span(event)
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor is not None:
                self._anchors[event.anchor] = (event.value, span, None)
            return event.value, span, event.style in (None, "") and event.tag is None
        _, span, _ = self._node(event)
        self._wrong(Problem("a key must be a word", expected="a word and a colon", hint=syntax.BRACES), span)
        return None, span, False

    def _merged(self, value: Value, where: Span) -> list[tuple[Map, Span]]:
        """The mappings that a merge key names: one, or a list of which the earlier ones win."""
        if isinstance(value, Map):
            return [(value, where)]
        if isinstance(value, Seq) and all(isinstance(item, Map) for item in value):
            return [(item, at) for item, at in zip(value, value.values_at, strict=True) if isinstance(item, Map)]
        if value is not INVALID:
            self._wrong(Problem("`<<` merges mappings", expected="an alias such as *name, or a list of them"), where)
        return []

    def _duplicate(self, key: str, span: Span, first: Span) -> None:
        line, column = self._source.line_and_column(first[0])
        hint = f"the first one is at {line}:{column}; remove one of the two"
        self._wrong(Problem(f"the key `{key}` is written twice", hint=hint), span)

    def _alias(self, name: str, span: Span) -> _Located:
        located = self._anchors.get(name)
        if located is None:
            hint = "an anchor `&name` must stand before its alias, and not around it"
            self._wrong(Problem(f"there is no anchor `&{name}`", hint=hint), span)
            return INVALID, span, None
        value, where, expanded = located
        self._values += self._sizes.get(id(value), 1)
        if self._values > _MOST_VALUES:
            message = "aliases make more than a million values of this file"
            self._wrong(Problem(message), span)
            raise _StopReadingError
        return value, where, expanded

    def _wrong(self, problem: Problem, span: Span) -> None:
        self.diagnostics.append(self._source.diagnostic(problem, span))


def _merge(mapping: Map, source: Map) -> None:
    for key, value in source.items():
        if key not in mapping:
            mapping[key] = value
            mapping.keys_at[key], mapping.values_at[key] = source.keys_at[key], source.values_at[key]
            if key in source.expanded:
                mapping.expanded[key] = source.expanded[key]


def _span(event: yaml.Event) -> Span:
    if event.start_mark is None or event.end_mark is None:
        raise _StopReadingError
    return event.start_mark.index, event.end_mark.index
