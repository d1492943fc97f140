"""The corpus: one row a message, with what a careful proxy does with it.

`raw` holds a Python expression of bytes literals, `+` and `* int`; it is read, never evaluated.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "data" / "http1.tsv"
FRAMES = CORPUS.with_name("http2.tsv")


@dataclass(frozen=True, slots=True)
class Row:
    """One message. `kind` req: what a client sends; resp: what a server sends; h2: all of a client's connection.

    `expected` and `also_ok` are the outcomes that pass. `after`: what follows the bytes. `method`: the request that
    a resp row answers. `max_fwd`: most requests that the server may see, -1 for no bound. `must_not`: what the other
    side must not receive. An h2 row is `alive` when it got no answer and the connection serves another request.
    """

    id: str
    kind: str
    category: str
    raw: bytes
    expected: frozenset[str]
    after: str
    method: str
    max_fwd: int
    must_not: re.Pattern[str] | None
    note: str


def read_rows(path: Path = CORPUS) -> list[Row]:
    """Return all rows of a file with a header line and tabs between the columns."""
    names, *lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    columns = names.split("\t")
    return [_row(dict(zip(columns, line.split("\t"), strict=True))) for line in lines]


def _row(values: dict[str, str]) -> Row:
    optional = {key: "" if value == "-" else value for key, value in values.items()}
    return Row(
        id=values["id"],
        kind=values["kind"],
        category=values["category"],
        raw=bytes_of(values["raw"]),
        expected=frozenset({values["expected"], *filter(None, optional["also_ok"].split(","))}),
        after=optional["after"],
        method=optional["method"] or "GET",
        max_fwd=int(optional["max_fwd"] or -1),
        must_not=re.compile(optional["must_not"], re.IGNORECASE) if optional["must_not"] else None,
        note=optional["note"],
    )


def bytes_of(text: str) -> bytes:
    """Return the bytes that an expression of literals, `+` and `* int` stands for."""
    return _bytes(ast.parse(text, mode="eval").body)


def _bytes(node: ast.expr) -> bytes:
    match node:
        case ast.Constant(value=bytes() as value):
            return value
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _bytes(left) + _bytes(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=int() as times)):
            return _bytes(left) * times
    raise ValueError(f"not an expression of bytes: {ast.unparse(node)}")
