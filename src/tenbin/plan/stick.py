"""Stick tables and stick rules as those on the wire.

What keeps a client on its server by address or by a text is a table of its own and a rule that looks it up and stores
it: the data plane knows no other memory but cookies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin import model
from tenbin.plan import wire
from tenbin.plan.expression import expression, optional

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 1024
"""Bytes of a text that tell clients apart; an entry takes no more than its text needs."""


def tables(config: model.Config) -> tuple[wire.Table, ...]:
    """Translate the tables of a configuration, and those that backends imply."""
    return (*map(_table, config.tables), *_implied(config))


def stick(backend: model.Backend) -> tuple[wire.StickRule, ...]:
    """Translate the stick rules of a backend, and the one that it implies."""
    rules = tuple(
        wire.StickRule(
            match=one.match,
            store=one.store,
            answer=one.answer,
            key=expression(one.key),
            table=one.table,
            when=optional(one.when),
        )
        for one in backend.stick
    )
    key = _implied_key(backend)
    if key is None:
        return rules
    # Clients that say nothing have nothing in common.
    implied = wire.StickRule(match=True, store=True, answer=False, key=key, table=implied_table(backend.name), when=key)
    return (*rules, implied)


def implied_table(backend: str) -> str:
    """Return the name of the table that a backend implies; no table that is written has such a name."""
    return f"{backend}/sticky"


def _implied(config: model.Config) -> Iterator[wire.Table]:
    for backend in config.backends:
        match backend.sticky:
            case model.StickySource(expire, size):
                key, length = model.KeyType.IPV6, 16
            case model.StickyKey(_, expire, size):
                key, length = model.KeyType.STRING, _LONGEST
            case _:
                continue
        yield wire.Table(name=implied_table(backend.name), key=key.value, length=length, size=size, expire=expire.ms)


def _implied_key(backend: model.Backend) -> wire.Expr | None:
    match backend.sticky:
        case model.StickySource():
            return expression(model.Fetch("source", ()))
        case model.StickyKey(key):
            return expression(key)
        case _:
            return None


def _table(one: model.Table) -> wire.Table:
    return wire.Table(
        name=one.name,
        key=one.key.value,
        length=one.length,
        size=one.size,
        expire=one.expire,
        keep=one.keep,
        stored=tuple(wire.Stored(name=item.name, period=item.period, count=item.count) for item in one.stored),
        by_address=one.by_address,
    )
