"""Whether a configuration that was written comes back as it was: two models, compared field by field.

Owns which fields may differ, each with the reason. Fields are taken from the dataclasses, so that none can be
forgotten: one that nobody has thought of is compared, and its difference told.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING

from tenbin.configfile.convert.words import UnsayableError, shape
from tenbin.model import (
    Act,
    Backend,
    Balance,
    Config,
    Duration,
    Frontend,
    Listener,
    LiveList,
    Mode,
    Route,
    Rule,
    Server,
    StickRule,
    Table,
)
from tenbin.model.backend import StickyCookie, UseServer
from tenbin.model.balance import HashKey, HashMethod, IpHashForm, Policy
from tenbin.model.config import Identity
from tenbin.model.expression import All, Any, Compare, Concat, Const, Convert, Fetch, Match, Not
from tenbin.model.tls import Certificate, ClientCertificates, ServerTls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tenbin.model.expression import Expression

EXPRESSIONS = (All, Any, Compare, Concat, Const, Convert, Fetch, Match, Not)

_PLACE = "where it stands in the file"
_COUNTED = "it only tells statistics of HAProxy's form who is meant; an `id` of the file is noted"

FREE: dict[tuple[type, str], str] = {
    **{
        (kind, "position"): _PLACE
        for kind in (Certificate, Identity, Listener, Route, Rule, StickRule, Table, UseServer)
    },
    **{(kind, "positions"): _PLACE for kind in (ClientCertificates, ServerTls)},
    (Server, "resolve_position"): _PLACE,
    (Config, "origin"): "the file is another one",
    (Config, "watched"): "what was put into the file needs no watching",
    (Config, "access_log"): "lines of HAProxy's forms are a matter of its language; its `log` lines are noted",
    (Config, "compat"): "what only HAProxy's language asks for; its directives are noted",
    (Frontend, "log"): "lines of HAProxy's forms are a matter of its language; its `log` lines are noted",
    (Frontend, "number"): _COUNTED,
    (Backend, "number"): _COUNTED,
    (Listener, "name"): _COUNTED,
    (Listener, "number"): _COUNTED,
    (LiveList, "stamp"): "it only tells versions of one file apart",
}
"""The fields that may differ, and why that is no loss."""

_OF_REQUESTS = frozenset(
    ("pool", "limits", "protocol", "http", "forwarding", "answers", "header", "keep_alive", "compression")
)
"""What frontends and backends have for requests alone: in mode tcp there are none."""

_NAMED = (Frontend, Backend, Server, Table, LiveList)


@dataclass(frozen=True, slots=True)
class Difference:
    """What did not come back: `holders` are the objects around it, the innermost last; `what` is the field's way."""

    holders: tuple[object, ...]
    what: str


class Proof:
    """Compares; `dropped` are the `id`s of objects, and of objects with a field, that were left out with a note."""

    def __init__(self, dropped: Collection[object]) -> None:
        self._dropped = dropped
        # Servers are compared in a plain form; what was dropped of one is known by the server itself.
        self._plain_forms: dict[int, tuple[object, object]] = {}

    def differences(self, before: Config, after: Config) -> Iterator[Difference]:
        """Tell every field of the first that the second has not got."""
        yield from self._fields(before, after, (), "")

    def _fields(self, before: object, after: object, holders: tuple[object, ...], way: str) -> Iterator[Difference]:
        holders = (*holders, before)
        for field in fields(before):  # type: ignore[arg-type]  # only dataclasses come here
            if (type(before), field.name) in FREE or (self._id(before), field.name) in self._dropped:
                continue
            if field.name in _OF_REQUESTS and getattr(before, "mode", None) is Mode.TCP:
                continue
            one, other = getattr(before, field.name), getattr(after, field.name)
            yield from self._values(one, other, holders, f"{way}.{field.name}" if way else field.name)

    def _values(self, one: object, other: object, holders: tuple[object, ...], way: str) -> Iterator[Difference]:
        if isinstance(one, tuple) and isinstance(other, tuple):
            yield from self._several(one, other, holders, way)
        elif isinstance(one, EXPRESSIONS) and isinstance(other, EXPRESSIONS):
            if _words(one, other) != _words(other, one):
                yield Difference(holders, way)
        elif is_dataclass(one) and type(one) is type(other):
            yield from self._fields(
                self._plain(one), self._plain(other), holders, "" if isinstance(one, _NAMED) else way
            )
        elif one != other:
            yield Difference(holders, way)

    def _several(
        self, one: tuple[object, ...], other: tuple[object, ...], holders: tuple[object, ...], way: str
    ) -> Iterator[Difference]:
        one = tuple(item for item in one if self._id(item) not in self._dropped)
        if one and all(isinstance(item, _NAMED) for item in (*one, *other)):
            named = {item.name: item for item in other}  # type: ignore[attr-defined]
            for item in one:
                name = item.name  # type: ignore[attr-defined]
                if name in named:
                    yield from self._values(item, named[name], holders, f"{way} {name}")
                else:
                    yield Difference((*holders, item), f"{way} {name}")
        elif len(one) != len(other):
            yield Difference(holders, way)
        else:
            for item, again in zip(one, other, strict=True):
                yield from self._values(item, again, holders, way)

    def _plain(self, one: object) -> object:
        """The same in the form that is written: what has no effect beside other settings is left out."""
        match one:
            case Act(ignore_case=True, pattern=pattern) if pattern:
                return replace(one, pattern=f"(?i){pattern}", ignore_case=False)
            case Balance():
                return _balance(one)
            case Backend():
                servers = [(server, _server(server, one, at)) for at, server in enumerate(one.servers, 1)]
                plain = replace(one, servers=tuple(copy for _, copy in servers))
                if one.mode is Mode.TCP:
                    plain = replace(plain, retry=replace(plain.retry, statuses=()))
                self._plain_forms.update({id(copy): (copy, origin) for origin, copy in (*servers, (one, plain))})
                return plain
        return one

    def _id(self, one: object) -> int:
        return id(self._plain_forms.get(id(one), (one, one))[1])


def _balance(one: Balance) -> Balance:
    """Parameters of other policies count for nothing."""
    unused = {
        Policy.RANDOM: {"draws": 2},
        Policy.IP_HASH: {"ip_form": IpHashForm.FNV1A},
        Policy.PEAK_EWMA: {"decay": Duration(0), "error_penalty": Duration(0)},
        Policy.HASH: {"key": None, "method": HashMethod.MODULO, "form": HashKey.TEXT, "load_factor": 0},
    }
    for policy, members in unused.items():
        if policy is not one.policy:
            one = replace(one, **members)  # type: ignore[arg-type]
    return one


def _server(one: Server, of: Backend, number: int) -> Server:
    """A number by order, a check that nobody has, and a value that no cookie holds."""
    return replace(
        one,
        number=one.number or number,
        unchecked=of.check_of(one) is None,
        cookie=one.cookie if isinstance(of.sticky, StickyCookie) else "",
        slow_start=of.slow_start.ms if one.slow_start < 0 else one.slow_start,
    )


def _words(tree: Expression, beside: Expression) -> object:
    """An expression as it is written: the same words mean the same, whatever the shape of the tree."""
    try:
        return shape(tree, as_text=isinstance(tree, Concat) or isinstance(beside, Concat))
    except UnsayableError:
        return tree
