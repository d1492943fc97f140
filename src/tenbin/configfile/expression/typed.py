"""What compiling a part of an expression gives, and what compiling a whole one gives."""

from __future__ import annotations

from dataclasses import dataclass

from tenbin.configfile.expression.vocabulary import Kind
from tenbin.configfile.problem import Problem  # noqa: TC001 - pydantic looks at the fields of Compiled
from tenbin.model.expression import Const, Expression
from tenbin.model.table import KeyType  # noqa: TC001 - the same


@dataclass(frozen=True, slots=True)
class Use:
    """A fact that an expression asks for, and where in the text it stands."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A count within `period` ms of what `key` yields; `name` is that of the table in which it is kept."""

    name: str
    key: Expression
    type: KeyType
    period: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression, what it asks for, and what is doubtful about it.

    `tables` are names of tables, `lists` files of maps, `patterns` of patterns; `rates` need a table each, and a rule
    that fills it.
    """

    expression: Expression
    uses: tuple[Use, ...] = ()
    warnings: tuple[Problem, ...] = ()
    tables: tuple[Use, ...] = ()
    lists: tuple[Use, ...] = ()
    rates: tuple[Rate, ...] = ()
    patterns: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """A part of an expression with what it yields; `optional`: possibly absent; `shape`: see `vocabulary.Name`."""

    expression: Expression
    kind: Kind
    optional: bool = False
    shape: str = ""

    @property
    def literal(self) -> str | int | bool | None:
        """The value of a constant; None for anything else."""
        return self.expression.value if isinstance(self.expression, Const) else None

    @property
    def is_literal(self) -> bool:
        """Whether no request can change the value."""
        return isinstance(self.expression, Const) and self.kind is not Kind.UNKNOWN


UNKNOWN = Typed(Const(None), Kind.UNKNOWN)
