"""Chosen columns of a page of statistics, `;csv` or `;json`, one row a line: what both formats have in common."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.haproxy.messages import Message


def chosen(page: Message, columns: Sequence[str]) -> str:
    """Return these columns of every row, in the order of the page."""
    text = page.body.decode()
    rows = _of_json(text) if "json" in page.get("content-type") else csv.DictReader(text[2:].splitlines())
    return "".join(f"{row['pxname']}/{row['svname']} {_told(row, columns)}\n" for row in rows)


def _told(row: dict[str, str], columns: Sequence[str]) -> str:
    return " ".join(f"{column}={row.get(column, '-')}" for column in columns)


def _of_json(text: str) -> Iterator[dict[str, str]]:
    for row in json.loads(text):
        yield {one["field"]["name"]: str(one["value"]["value"]) for one in row}
