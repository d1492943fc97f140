"""The status as a JSON document, and back: `GET /api/v1/status`, `tenbin status --json`, and the status table.

Owns nothing but the conversion: the names are those of the types in `tenbin.observe.status`, documented in
docs/observability.md. Times are seconds, sizes bytes, dates ISO 8601 in UTC; what is not known is null.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pydantic import JsonValue, TypeAdapter

from tenbin.observe.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.observe.journal import Entry


def to_json(status: Status) -> dict[str, JsonValue]:
    """Return the document as values that `json.dumps` writes."""
    document: dict[str, JsonValue] = _status().dump_python(status, mode="json")
    return document


def dump(status: Status) -> bytes:
    """Return the document as text."""
    return _status().dump_json(status)


def load(document: bytes | str) -> Status:
    """Read what `dump` wrote; raises pydantic's ValidationError for anything else."""
    return _status().validate_json(document)


def dump_entries(entries: Sequence[Entry]) -> bytes:
    """Return journal entries as a JSON list."""
    return _entries().dump_json(tuple(entries))


@cache
def _status() -> TypeAdapter[Status]:
    return TypeAdapter(Status)


@cache
def _entries() -> TypeAdapter[tuple[Entry, ...]]:
    from tenbin.observe.journal import Entry

    return TypeAdapter(tuple[Entry, ...])
