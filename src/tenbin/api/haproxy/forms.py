"""Statistics and process information as text: CSV, typed, JSON, with descriptions (management manual, 9.1, 9.3).

Owns the forms. Which figures there are is the business of `rows` and `info`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tenbin.api.haproxy.columns import MODULES, NATURES, OBJECTS, ORIGINS, SCOPES, Column, fixed, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tenbin.api.haproxy.info import Item
    from tenbin.api.haproxy.rows import Row

Value = int | str


def csv(rows: Iterable[Row], version: tuple[int, int]) -> str:
    """Return the table with its header, without the empty line after it."""
    columns = fixed(version)
    names = [column.name for column in (*columns, *MODULES)]
    head = "# " + "".join(f"{name}," for name in _with_dash(names, len(columns)))
    return "".join(f"{line}\n" for line in (head, *(_csv_row(row, columns) for row in rows)))


def typed(rows: Iterable[Row], version: tuple[int, int]) -> str:
    """Return a line for each value."""
    return "".join(f"{line}\n" for row in rows for line in _typed_row(row, fixed(version)))


def as_json(rows: Iterable[Row], version: tuple[int, int]) -> str:
    """Return a list of objects for each row."""
    return json.dumps([_json_row(row, fixed(version)) for row in rows], separators=(",", ":"))


def info_text(items: Sequence[Item], *, described: bool) -> str:
    """Return `Name: value` lines."""
    return "".join(f"{item.name}: {item.value}{_description(item.about, wanted=described)}\n" for item in items)


def info_typed(items: Sequence[Item], *, described: bool) -> str:
    """Return a line for each value with its place, tags and type."""
    return "".join(
        f"{item.place}.{item.name}.1:{item.tags}:{item.kind}:{item.value}{_description(item.about, wanted=described)}\n"
        for item in items
    )


def info_json(items: Sequence[Item]) -> str:
    """Return a list of objects."""
    found = [
        {"field": {"pos": item.place, "name": item.name}, "processNum": 1, **_tagged(item.tags, item.kind, item.value)}
        for item in items
    ]
    return json.dumps(found, separators=(",", ":"))


def quoted(text: str) -> str:
    """Return a text as a field of CSV: in quotes only where it must be."""
    line = text.replace("\r", " ").replace("\n", " ")
    return '"' + line.replace('"', '""') + '"' if '"' in line or "," in line else line


def schema() -> str:
    """Return the JSON schema of both documents."""
    reference = {name: {"$ref": f"#/definitions/{name}"} for name in ("field", "processNum", "tags", "typedValue")}
    item = {"field": reference["field"], "processNum": reference["processNum"], "tags": reference["tags"]}
    of_info = {
        "title": "InfoItem",
        "type": "object",
        "properties": {**item, "value": reference["typedValue"]},
        "required": ["field", "processNum", "tags", "value"],
    }
    number = {"type": "integer", "minimum": 0}
    of_stat = {
        "title": "InfoItem",
        "type": "object",
        "properties": {
            "objType": {"enum": ["Frontend", "Backend", "Listener", "Server", "Unknown"]},
            "proxyId": number,
            "id": number,
            **item,
            "typedValue": reference["typedValue"],
        },
        "required": ["objType", "proxyId", "id", "field", "processNum", "tags", "value"],
    }
    document = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "oneOf": [
            {"title": "Info", "type": "array", "items": of_info},
            {"title": "Stat", "type": "array", "items": of_stat},
            {
                "title": "Error",
                "type": "object",
                "properties": {"errorStr": {"type": "string"}},
                "required": ["errorStr"],
            },
        ],
        "definitions": _definitions(),
    }
    return json.dumps(document, separators=(",", ":"))


def _definitions() -> dict[str, object]:
    ranges = {"s32": (-(2**31), 2**31 - 1), "s64": (1 - 2**53, 2**53 - 1), "u32": (0, 2**32 - 1), "u64": (0, 2**53 - 1)}
    values: dict[str, object] = {
        f"{kind}Value": _value(kind, {"type": "integer", "minimum": low, "maximum": high})
        for kind, (low, high) in ranges.items()
    }
    values["strValue"] = _value("str", {"type": "string"})
    values["unknownValue"] = {
        "properties": {"type": {"type": "integer", "minimum": 0}, "value": {"type": "string", "enum": ["unknown"]}},
        "required": ["type", "value"],
    }
    choices = [{"$ref": f"#/definitions/typedValue/definitions/{name}"} for name in values if name != "unknownValue"]
    tags = {name: {"type": "string", "enum": [*known.values(), "Unknown"]} for name, known in _TAGS}
    return {
        "field": {
            "type": "object",
            "pos": {"type": "integer", "minimum": 0},
            "name": {"type": "string"},
            "required": ["pos", "name"],
        },
        "processNum": {"type": "integer", "minimum": 1},
        "tags": {"type": "object", **tags, "required": [name for name, _ in _TAGS]},
        "typedValue": {"type": "object", "oneOf": choices, "definitions": values},
    }


def _value(kind: str, shape: dict[str, object]) -> dict[str, object]:
    return {"properties": {"type": {"type": "string", "enum": [kind]}, "value": shape}, "required": ["type", "value"]}


_TAGS = (("origin", ORIGINS), ("nature", NATURES), ("scope", SCOPES))


def _with_dash(fields: Sequence[str], fixed_count: int) -> Iterator[str]:
    yield from fields[:fixed_count]
    yield "-"
    yield from fields[fixed_count:]


def _csv_row(row: Row, columns: Sequence[Column]) -> str:
    values = [_csv_value(row.values.get(column.name, "")) for column in (*columns, *MODULES)]
    return "".join(f"{value}," for value in _with_dash(values, len(columns)))


def _csv_value(value: Value) -> str:
    return quoted(value) if isinstance(value, str) else str(value)


def _present(row: Row, columns: Sequence[Column]) -> Iterator[tuple[int, Column, Value]]:
    for place, column in enumerate((*columns, *MODULES)):
        if column.name in row.values:
            yield place, column, row.values[column.name]


def _typed_row(row: Row, columns: Sequence[Column]) -> Iterator[str]:
    letter = OBJECTS[row.kind][0]
    for place, column, value in _present(row, columns):
        shown = value.replace("\n", " ") if isinstance(value, str) else value
        tags = tags_of(column, row.kind)
        yield f"{letter}.{row.iid}.{row.sid}.{place}.{column.name}.1:{tags}:{column.kind}:{shown}"


def _json_row(row: Row, columns: Sequence[Column]) -> list[Mapping[str, object]]:
    return [
        {
            "objType": OBJECTS[row.kind][1],
            "proxyId": row.iid,
            "id": row.sid,
            "field": {"pos": place, "name": column.name},
            "processNum": 1,
            **_tagged(tags_of(column, row.kind), column.kind, value),
        }
        for place, column, value in _present(row, columns)
    ]


def _tagged(tags: str, kind: str, value: Value) -> Mapping[str, object]:
    words = {name: known[letter] for (name, known), letter in zip(_TAGS, tags, strict=True)}
    return {"tags": words, "value": {"type": kind, "value": value}}


def _description(text: str, *, wanted: bool) -> str:
    return f':"{text}"' if wanted else ""
