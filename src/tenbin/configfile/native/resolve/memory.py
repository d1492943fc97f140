"""What expressions ask to be remembered: tables of rates with the rules that fill them, tables by name, files of maps.

Owns where an implicit table comes from and which slot its rule takes; the shapes are the model's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from tenbin.configfile.expression import listfile
from tenbin.configfile.expression.counters import RATE
from tenbin.configfile.problem import Problem
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.expression import All, Any, Compare, Concat, Convert, Expression, Fetch, Match, Not
from tenbin.model.frontend import Mode
from tenbin.model.rules import Act, Rule, Rules, Verb
from tenbin.model.table import KeyType, LiveList, Stored, Table

if TYPE_CHECKING:
    from tenbin.configfile.expression import Compiled, Rate
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path

SLOTS = 12
_ENTRIES = 100_000
_LENGTH = 64
_CONN_RATE = "table_conn_rate"
_FIRST_BYTES = ("sni", "alpn", "req.")

_Tree = TypeVar("_Tree", Expression, Expression | None)


@dataclass
class Memory:
    """Collects for one configuration; `rates` are those of the frontend that is being resolved."""

    context: Context
    declared: dict[str, Table] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    lists: dict[str, LiveList] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)

    def note(self, path: Path, compiled: Compiled) -> None:
        """Take in what an expression at `path` asks for."""
        for rate in compiled.rates:
            self.rates[rate.name] = rate
            self.tables[rate.name] = _table(rate)
        for use in compiled.tables:
            if use.name not in self.declared:
                hint = did_you_mean(use.name, self.declared) or "tables stand under `tables` at the top"
                problem = Problem(f"there is no table `{use.name}`", hint=hint, start=use.start, end=use.end)
                self.context.inside(path, problem)
        for use in (*compiled.lists, *compiled.patterns):
            error = self.list_of(use.name, is_map=use in compiled.lists)
            if error:
                problem = Problem(f"the file cannot be read: {error}", start=use.start, end=use.end)
                self.context.inside(path, problem)

    def list_of(self, name: str, *, is_map: bool = True) -> str:
        """Read the file of a map or of patterns, once; return what is wrong with it, or ""."""
        if name in self.lists:
            known = self.lists[name].is_map
            return "" if known == is_map else "it is used as a map and as patterns"
        file = self.context.directory / name
        try:
            data = file.read_bytes()
        except (OSError, ValueError) as error:
            return (getattr(error, "strerror", None) or str(error)).lower()
        entries = listfile.entries(data.decode("utf-8", "replace"), is_map=is_map)
        self.lists[name] = LiveList(name, entries, is_map=is_map, stamp=hashlib.sha256(data).hexdigest()[:16])
        self.context.files.watched.add(file.absolute())
        return ""

    def table(self, name: str | None, path: Path) -> str:
        """The table of that name, or the only one; what is wrong is told at `path`."""
        tables = self.declared
        found = name or (next(iter(tables)) if len(tables) == 1 else "")
        if found not in tables:
            message = f"there is no table `{found}`" if found else "it does not say in which table"
            expected = f"one of {', '.join(tables)}" if tables else ""
            self.context.error(path, message, expected=expected, key=True)
        return found

    def begin(self) -> None:
        """A frontend begins: what follows is counted for it."""
        self.rates = {}

    def tracked(self, rules: Rules, mode: Mode, path: Path) -> Rules:
        """Put the rules that fill the tables of rates before those of a frontend."""
        position = self.context.position(path) if self.rates else ""
        taken = {rule.act.number for phase in _phases(rules) for rule in phase if rule.act.verb is Verb.TRACK}
        free = [slot for slot in range(SLOTS - 1, -1, -1) if slot not in taken]
        if len(self.rates) > len(free):
            count = len(taken) + len(self.rates)
            message = f"{SLOTS} things of a client are remembered at once, and here are {count}"
            self.context.error(path, message, hint="join what is asked for by the same key")
            return rules
        for slot, rate in zip(free, self.rates.values(), strict=False):
            rule = Rule(None, Act(Verb.TRACK, name=rate.name, value=rate.key, number=slot), position)
            if mode is Mode.HTTP:
                rules = replace(rules, request=(rule, *rules.request))
            elif isinstance(rate.key, Fetch) and rate.key.name.startswith(_FIRST_BYTES):
                rules = replace(rules, content=(rule, *rules.content))
            else:
                rules = replace(rules, session=(rule, *rules.session))
        return rules


def counted(tree: _Tree, mode: Mode) -> _Tree:
    """In mode tcp a rate is one of connections."""
    if mode is Mode.HTTP or tree is None:
        return tree
    return _connections(tree)


def _connections(tree: Expression) -> Expression:
    match tree:
        case Convert(name, inner, args):
            return Convert(_CONN_RATE if name == RATE else name, _connections(inner), args)
        case Match() | Not():
            return replace(tree, input=_connections(tree.input))
        case Compare(cmp, left, right):
            return Compare(cmp, _connections(left), _connections(right))
        case All() | Any() | Concat():
            return replace(tree, of=tuple(_connections(one) for one in tree.of))
    return tree


def _table(rate: Rate) -> Table:
    stored = (Stored("http_req_rate", period=rate.period), Stored("conn_rate", period=rate.period))
    length = _LENGTH if rate.type is KeyType.STRING else 0
    return Table(rate.name, rate.type, length, _ENTRIES, 2 * rate.period, keep=False, stored=stored)


def _phases(rules: Rules) -> tuple[tuple[Rule, ...], ...]:
    return (rules.connection, rules.session, rules.content, rules.request, rules.answer, rules.after)
