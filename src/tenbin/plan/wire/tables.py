"""Frames about what stick tables hold: shown in pages, set and cleared.

Owns the shapes. Names of counters are those of configurations; one of an array is `gpc(3)`.
"""

from typing import Literal

from tenbin.plan.wire.expression import Wire


class TableFilter(Wire):
    """Holds for entries whose counter compares so with the number."""

    counter: str
    operator: Literal["eq", "ne", "le", "ge", "lt", "gt"]
    value: int


class TableQuery(Wire):
    """What is asked of a table.

    `name` empty with `show`: what tables there are. `key` None: all entries for which the filters hold. `after` is the
    `next` of the answer before; `limit`: entries of an answer at most, no more than 20 000. `data`: values to set.
    """

    name: str = ""
    action: Literal["show", "set", "clear"]
    key: str | None = None
    after: str | None = None
    limit: int = 10_000
    filters: tuple[TableFilter, ...] = ()
    data: tuple[tuple[str, int], ...] = ()


class TableAsked(TableQuery):
    """A query as it goes to the data plane; answered by `TableAnswered`."""

    type: Literal["table"] = "table"
    id: int


class TableSummary(Wire):
    """A table as a whole: entries at most, and entries that there are."""

    name: str
    key: Literal["ip", "ipv6", "integer", "string", "binary"]
    size: int
    used: int


class TableRow(Wire):
    """An entry: `key` as HAProxy writes it, `use`: how many track it, `exp_ms` 0: it is not forgotten by itself.

    `data`: name, period of a rate (0: no rate) and value of each counter in HAProxy's order; of `server_key` the text.
    """

    key: str
    use: int
    exp_ms: int
    shard: int
    data: tuple[tuple[str, int, int | str | None], ...]


class TableAnswered(Wire):
    """What came of it; `at`: which filter or value an outcome is about.

    Outcomes: `no_table`, `bad_key` (the text is no key of the table), `unknown_counter` and `not_stored` (by any table,
    by this one), `in_use` (the entry is tracked, and stays), `full`. `next`: there are more, to be asked for with it as
    `after`.
    """

    id: int
    ok: Literal[True] = True
    outcome: Literal["done", "no_table", "bad_key", "unknown_counter", "not_stored", "in_use", "full"]
    at: int = 0
    tables: tuple[TableSummary, ...] = ()
    rows: tuple[TableRow, ...] = ()
    next: str | None = None
