"""The expression tree: sample fetches, converters, matches, and the logic between them.

One tree for every configuration language: Python conditions, and HAProxy's samples, converter chains and ACL
match methods. It is typed by the reader and evaluated only by the data plane.
"""

from __future__ import annotations

from dataclasses import dataclass

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Fetch:
    """A sample of the request, answer or connection by name, with literal arguments: `header("x")`."""

    name: str
    args: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Convert:
    """A converter applied to a sample: `path.lower()`."""

    name: str
    input: Expression
    args: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """True when any pattern matches: method `eq in beg end sub reg ip found dir dom len int bool bin`.

    `lists` are live lists whose patterns count too. `each`: what is absent matches nothing, and of a sample with
    several values (a header's, a cookie's) any may match.
    """

    method: str
    input: Expression
    patterns: tuple[str, ...]
    ignore_case: bool = False
    lists: tuple[str, ...] = ()
    each: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """`cmp` is one of `eq ne lt le gt ge`; both sides have one type."""

    cmp: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class All:
    """Logical and, evaluated in order, stopping at the first false."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Logical or, evaluated in order, stopping at the first true."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Logical not."""

    input: Expression


@dataclass(frozen=True, slots=True)
class Concat:
    """The texts of its parts, one after the other: header values and redirect locations."""

    of: tuple[Expression, ...]


Expression = Const | Fetch | Convert | Match | Compare | All | Any | Not | Concat
