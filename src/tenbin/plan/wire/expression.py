"""Expressions on the wire, and the base of every part of the contract.

Owns how the tree of `tenbin.model.expression` is written; what a fetch or converter means is the data plane's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """A frozen part of the contract; unknown keys are refused on both sides."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


Scalar = str | int | bool | None


class Const(Wire):
    """A literal."""

    op: Literal["const"] = "const"
    value: Scalar


class Fetch(Wire):
    """A sample by name."""

    op: Literal["fetch"] = "fetch"
    name: str
    args: tuple[Scalar, ...] = ()


class Convert(Wire):
    """A converter on a sample."""

    op: Literal["convert"] = "convert"
    name: str
    input: Expr
    args: tuple[Scalar, ...] = ()


class Match(Wire):
    """Any pattern matches."""

    op: Literal["match"] = "match"
    method: str
    input: Expr
    patterns: tuple[str, ...]
    ignore_case: bool = False
    lists: tuple[str, ...] = ()
    each: bool = False


class Compare(Wire):
    """Two values compared."""

    op: Literal["compare"] = "compare"
    cmp: Literal["eq", "ne", "lt", "le", "gt", "ge"]
    left: Expr
    right: Expr


class All(Wire):
    """Logical and."""

    op: Literal["all"] = "all"
    of: tuple[Expr, ...]


class Any(Wire):
    """Logical or."""

    op: Literal["any"] = "any"
    of: tuple[Expr, ...]


class Not(Wire):
    """Logical not."""

    op: Literal["not"] = "not"
    input: Expr


class Concat(Wire):
    """Texts joined."""

    op: Literal["concat"] = "concat"
    of: tuple[Expr, ...]


Expr = Annotated[Const | Fetch | Convert | Match | Compare | All | Any | Not | Concat, Field(discriminator="op")]

for _model in (Convert, Match, Compare, All, Any, Not, Concat):
    _model.model_rebuild()
