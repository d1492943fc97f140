"""Just enough of JSON Schema 2020-12 to check files against ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]

TYPES: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
KNOWN = {
    *("$schema", "$defs", "$ref", "type", "enum", "const", "pattern", "minimum", "maximum", "anyOf", "oneOf", "items"),
    *("properties", "additionalProperties", "propertyNames", "required", "minItems"),
    *("description", "title", "default", "x-default", "examples"),
}


def wrong(value: object, schema: Schema, root: Schema, path: str = "") -> list[str]:
    """Where a value is not as the schema says."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        return wrong(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, path)
    for word, enough in (("anyOf", range(1, 99)), ("oneOf", range(1, 2))):
        if word in schema and sum(not wrong(value, one, root, path) for one in schema[word]) not in enough:
            return [f"{path}: {word}"]
    return [f"{path}: {what}" for what in plain(value, schema)] + nested(value, schema, root, path)


def plain(value: object, schema: Schema) -> list[str]:
    types = schema.get("type", list(TYPES))
    types = [types] if isinstance(types, str) else types
    failed = []
    if not any(TYPES[one](value) for one in types):
        failed.append("type")
    if "enum" in schema and value not in schema["enum"]:
        failed.append("enum")
    if "const" in schema and value != schema["const"]:
        failed.append("const")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        failed.append("pattern")
    number = isinstance(value, int) and not isinstance(value, bool)
    if number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        failed.append("range")
    return failed


def nested(value: object, schema: Schema, root: Schema, path: str) -> list[str]:
    failed: list[str] = []
    if isinstance(value, list):
        for index, item in enumerate(value):
            failed += wrong(item, schema.get("items", {}), root, f"{path}/{index}")
    if isinstance(value, dict):
        failed += [f"{path}: {key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            failed += (
                [f"{path}: {key}"]
                if inner is False
                else wrong(item, inner if inner is not True else {}, root, f"{path}/{key}")
            )
    return failed
