"""Commands on stick tables (management manual, 9.3: `show table`, `set table`, `clear table`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from tenbin.api.haproxy.command import Command, Said
from tenbin.api.haproxy.roster import version_of
from tenbin.model import Level
from tenbin.plan import wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tenbin.api.haproxy.command import Call

_Operator = Literal["eq", "ne", "le", "ge", "lt", "gt"]
_FILTERS = 4
_WANTED = 'Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key>\n'
_ONLY_SHOWN = 'content-based lookup is only supported with the "show" and "clear" actions\n'
_REQUIRED = "Required arguments: <table> key <key> [data.<store_data_type> <value>]*\n"
_OPTIONAL = 'Optional argument only supports "data.<store_data_type>" <operator> <value> and key <key>\n'


async def show(call: Call) -> str:
    """`show table [<table> [data.<counter> <operator> <value> | key <key>]...]`."""
    if len(call.words) == 2:
        answer = await call.runtime.ask_table(wire.TableQuery(action="show"))
        return "".join(f"{_head(summary)}\n" for summary in answer.tables)
    name, key, filters = _selection(call)
    text: list[str] = []
    newer = version_of(call.runtime.state.config) >= (2, 8)
    query = wire.TableQuery(name=name, action="show", key=key, filters=filters)
    async for answer in _pages(call, query):
        _complain(answer)
        if not text and (key is None or answer.rows):
            text += [_head(summary) for summary in answer.tables]
        text += [_row(row, newer=newer) for row in answer.rows]
    return "".join(f"{line}\n" for line in text)


async def set_entry(call: Call) -> str:
    """`set table <table> key <key> [data.<counter> <value>]...`."""
    words = call.words[2:]
    if not words:
        raise Said(_REQUIRED)
    if len(words) < 3 or words[1] != "key":
        await _find(call, words[0])
        if tuple(words[1:]) == ("key",):
            raise Said("Key value expected\n")
        by_content = len(words) > 1 and words[1].startswith("data.")
        raise Said(_ONLY_SHOWN if by_content else _REQUIRED)
    data: list[tuple[str, int]] = []
    rest = words[3:]
    for place in range(0, len(rest), 2):
        if not rest[place].startswith("data."):
            raise Said('"data.<type>" followed by a value expected\n')
        value = rest[place + 1] if place + 1 < len(rest) else ""
        if not value.isdigit():
            raise Said("Require a valid integer value to store\n")
        data.append((rest[place].removeprefix("data."), int(value)))
    query = wire.TableQuery(name=words[0], action="set", key=words[2], data=tuple(data))
    _complain(await call.runtime.ask_table(query), data=True)
    return ""


async def _find(call: Call, name: str) -> None:
    """Complain of a table that there is not."""
    tables = (await call.runtime.ask_table(wire.TableQuery(action="show"))).tables
    if name not in {one.name for one in tables}:
        raise Said("No such table\n")


async def clear(call: Call) -> str:
    """`clear table <table> [data.<counter> <operator> <value> | key <key>]...`."""
    if len(call.words) == 2:
        raise Said(_WANTED)
    name, key, filters = _selection(call)
    query = wire.TableQuery(name=name, action="clear", key=key, filters=filters)
    async for answer in _pages(call, query):
        _complain(answer)
    return ""


def _selection(call: Call) -> tuple[str, str | None, tuple[wire.TableFilter, ...]]:
    """The table, and the key or the filters."""
    name, words = call.words[2], call.words[3:]
    if not words:
        return name, None, ()
    if words[0] == "key":
        if len(words) < 2:
            raise Said("Key value expected\n")
        return name, words[1], ()
    filters: list[wire.TableFilter] = []
    for place in range(0, len(words), 3):
        number = place // 3 + 1
        if not words[place].startswith("data.") or number > _FILTERS:
            raise Said(_OPTIONAL)
        operator = words[place + 1] if place + 1 < len(words) else ""
        value = words[place + 2] if place + 2 < len(words) else ""
        if operator not in get_args(_Operator):
            known = ", ".join(f'"{one}"' for one in get_args(_Operator))
            raise Said(f"Filter entry #{number}: Require and operator among {known}\n")
        if not value.isdigit():
            raise Said(f"Filter entry #{number}: Require a valid integer value to compare against\n")
        counter = words[place].removeprefix("data.")
        filters.append(wire.TableFilter.model_validate({"counter": counter, "operator": operator, "value": int(value)}))
    return name, None, tuple(filters)


async def _pages(call: Call, query: wire.TableQuery) -> AsyncIterator[wire.TableAnswered]:
    while True:
        answer = await call.runtime.ask_table(query)
        yield answer
        if answer.next is None:
            return
        query = query.model_copy(update={"after": answer.next})


def _complain(answer: wire.TableAnswered, *, data: bool = False) -> None:
    before = "" if data else f"Filter entry #{answer.at + 1}: "
    match answer.outcome:
        case "no_table":
            raise Said("No such table\n")
        case "bad_key":
            raise Said("Invalid key\n")
        case "unknown_counter":
            raise Said(f"{before}Unknown data type\n")
        case "not_stored":
            raise Said(f"{before}Data type not stored in this table\n")
        case "in_use":
            raise Said("Entry currently in use, cannot remove\n")
        case "full":
            raise Said("Unable to allocate a new entry\n")
        case "done":
            return


def _head(summary: wire.TableSummary) -> str:
    return f"# table: {summary.name}, type: {summary.key}, size:{summary.size}, used:{summary.used}"


def _row(row: wire.TableRow, *, newer: bool) -> str:
    parts = [f"key={row.key} use={row.use} exp={row.exp_ms}"]
    if newer:
        parts.append(f"shard={row.shard}")
    parts += [
        f"{name}({period})={value}" if period else f"{name}={'-' if value is None else value}"
        for name, period, value in row.data
    ]
    # HAProxy prints the address of its entry; what stays the same of ours is its key.
    return f"{hash(row.key) & 0xFFFF_FFFF_FFFF:#x}: {' '.join(parts)}"


COMMANDS = (
    Command(("show", "table"), "show table <table> [<filter>]*", "what a stick table holds", Level.USER, show),
    Command(
        ("set", "table"),
        "set table <table> key <k> [data.* <v>]*",
        "make an entry of a stick table, or change it",
        Level.ADMIN,
        set_entry,
    ),
    Command(
        ("clear", "table"), "clear table <table> [<filter>]*", "remove entries of a stick table", Level.ADMIN, clear
    ),
)
