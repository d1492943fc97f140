"""The JSON Schema of the native language, and the tables of its reference: both made of the document's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenbin.configfile.native.document.root import RootDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SUFFIX = "Document"

Schema = dict[str, Any]


def json_schema() -> dict[str, object]:
    """Return the schema that editors check and complete files with."""
    schema = RootDocument.model_json_schema(mode="validation")
    _clean(schema)
    schema["properties"]["admin"]["anyOf"].append({"type": "null"})
    return {"$schema": _DIALECT, "title": "Tenbin configuration", **{k: v for k, v in schema.items() if k != "title"}}


def reference(document: str) -> str:
    """Return the table of the keys of one document, such as `Server`, in Markdown."""
    schema = json_schema()
    definitions: Schema = schema["$defs"]  # type: ignore[assignment]  # a schema of models always has definitions
    model: Schema = schema if document == "Root" else definitions.get(document + _SUFFIX) or definitions[document]
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    needed = model.get("required", [])
    for key, about in model["properties"].items():
        default = about.get("default", about.get("x-default"))
        shown = "required" if key in needed else _shown(default)
        meaning = str(about.get("description", "")).replace("|", "\\|")
        rows.append(f"| `{key}` | {_kind(about)} | {shown} | {meaning} |")
    return "\n".join(rows)


def documents() -> tuple[str, ...]:
    """Return the names of all documents, without their suffix; `Root` is the file."""
    definitions: Schema = json_schema()["$defs"]  # type: ignore[assignment]
    return ("Root", *(name.removesuffix(_SUFFIX) for name in definitions))


def _clean(schema: object) -> None:
    """Take out what pydantic says of None: a key that is not given, which a file cannot write."""
    if isinstance(schema, list):
        for item in schema:
            _clean(item)
    if not isinstance(schema, dict):
        return
    options = schema.get("anyOf")
    if isinstance(options, list):
        schema["anyOf"] = list(_flat(options))
    if "default" in schema and schema["default"] is None:
        del schema["default"]
    if isinstance(schema.get("title"), str):
        del schema["title"]
    for value in schema.values():
        _clean(value)
    options = schema.get("anyOf")
    if isinstance(options, list) and len(options) == 1:
        del schema["anyOf"]
        schema.update({**options[0], **schema})


def _flat(options: list[Schema]) -> Iterator[Schema]:
    for option in options:
        if option.get("type") == "null":
            continue
        if set(option) == {"anyOf"}:
            yield from _flat(option["anyOf"])
        else:
            yield option


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return str(default) if "`" in str(default) or " " in str(default) else f"`{default}`"


def _kind(about: Schema) -> str:
    """What may stand as a value, in words."""
    if "anyOf" in about or "oneOf" in about:
        kinds = [_kind(option) for option in about.get("anyOf") or about["oneOf"]]
        return ", ".join(dict.fromkeys(kinds))
    if "$ref" in about:
        return "mapping"
    if "enum" in about:
        return ", ".join(f"`{word}`" for word in about["enum"])
    if "const" in about:
        return "`true`" if about["const"] else "`false`"
    return _plain_kind(about)


def _plain_kind(about: Schema) -> str:
    kind = about.get("type")
    if isinstance(kind, list):
        return ", ".join(_plain_kind({"type": one}) for one in kind)
    if kind == "integer":
        low, high = about.get("minimum"), about.get("maximum")
        return f"{low} to {high}" if high is not None else f"{low} or more" if low else "number"
    if kind == "string":
        pattern = str(about.get("pattern", ""))
        return (
            "rate"
            if " ?/ ?" in pattern
            else "duration"
            if "ms|s|m" in pattern
            else "size"
            if "kmg" in pattern
            else "percentage"
            if "%" in pattern
            else "text"
        )
    words = {"boolean": "`true`, `false`", "array": "list", "object": "mapping", "null": "`null`"}
    return words.get(str(kind), "text")
