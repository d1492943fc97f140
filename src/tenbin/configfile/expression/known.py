"""The data plane's table of fetches and converters, as it publishes it: `vocabulary.json`.

Owns only how the table is read. Names, arguments and kinds are the data plane's; a test holds the file equal to what
`tenbin-dataplane vocabulary` prints.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument that a fetch or converter takes; `kind` says what it may be: `text`, `int`, a name of something."""

    kind: str
    optional: bool


@dataclass(frozen=True, slots=True)
class KnownFetch:
    """A fetch: `kind` of its value (`any`: only known when it runs), whether there can be `many`, where it is known.

    `empty`: nobody can tell it, so it has no value anywhere.
    """

    name: str
    args: tuple[Parameter, ...]
    kind: str
    many: bool
    empty: bool
    phases: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownConverter:
    """A converter: the kinds that it takes, and the one it makes."""

    name: str
    args: tuple[Parameter, ...]
    input: frozenset[str]
    kind: str


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that an expression may ask for."""

    fetches: Mapping[str, KnownFetch]
    converters: Mapping[str, KnownConverter]


@cache
def known() -> Known:
    """Return the table, read once."""
    raw = json.loads((files("tenbin.configfile.expression") / "vocabulary.json").read_text("utf-8"))
    fetches = (
        KnownFetch(
            one["name"],
            _parameters(one["args"]),
            one["kind"],
            one["many"],
            one.get("empty", False),
            frozenset(one["phases"]),
        )
        for one in raw["fetches"]
    )
    converters = (
        KnownConverter(one["name"], _parameters(one["args"]), frozenset(one["input"]), one["kind"])
        for one in raw["converters"]
    )
    return Known({one.name: one for one in fetches}, {one.name: one for one in converters})


def _parameters(raw: list[dict[str, object]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(str(one["kind"]), bool(one["optional"])) for one in raw)
