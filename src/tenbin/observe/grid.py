"""Lays rows out in columns that fit a width: what is least important goes first, and nothing says less for it.

Owns widths, alignment, and which columns a narrow terminal loses. Knows nothing of servers. Laid out by hand because
a general table widget takes seconds for thousands of rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

GAP = 2
NAME_MINIMUM = 12


@dataclass(frozen=True, slots=True)
class Column:
    """`rank` 0 is never left out; the highest rank goes first when there is no room."""

    title: str
    rank: int = 0
    right: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One cell a column; `styles` colours cells by their place; `notes` are lines of their own below the row."""

    cells: tuple[str, ...]
    styles: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


def draw(text: Text, columns: Sequence[Column], rows: Sequence[Row], width: int) -> None:
    """Append a title line and the rows to `text`; the first column is cut with `…` if nothing else helps."""
    from rich.cells import cell_len

    wide = [max(cell_len(entry) for entry in (column.title, *_cells(rows, place))) for place, column in _each(columns)]
    shown = _fitting(columns, wide, width)
    others = sum(wide[place] + GAP for place in shown if place != 0)
    wide[0] = min(wide[0], max(width - others, NAME_MINIMUM))
    _line(text, columns, shown, wide, Row(tuple(column.title for column in columns), _all_bold(columns)))
    for row in rows:
        _line(text, columns, shown, wide, row)
        for note in row.notes:
            paragraph(text, note, width, style="dim", indent=4)


def paragraph(text: Text, words: str, width: int, *, style: str = "", indent: int = 0) -> None:
    """Append a text on as many lines as it needs."""
    lead = " " * indent
    for line in wrap(words, max(width - indent, NAME_MINIMUM)) or [""]:
        text.append(f"{lead}{line}\n", style)


def _each(columns: Sequence[Column]) -> Sequence[tuple[int, Column]]:
    return list(enumerate(columns))


def _cells(rows: Sequence[Row], place: int) -> Sequence[str]:
    return [row.cells[place] for row in rows]


def _all_bold(columns: Sequence[Column]) -> tuple[tuple[int, str], ...]:
    return tuple((place, "bold") for place in range(len(columns)))


def _fitting(columns: Sequence[Column], wide: Sequence[int], width: int) -> list[int]:
    shown = set(range(len(columns)))

    def room() -> int:
        return width - sum(wide[place] + GAP for place in shown) + GAP

    left_out: list[int] = []
    while room() < 0:
        worst = max(sorted(shown), key=lambda place: columns[place].rank)
        if columns[worst].rank == 0:
            break
        shown.remove(worst)
        left_out.append(worst)
    # One that is very wide went last, and there is room for others now.
    for place in reversed(left_out):
        if wide[place] + GAP <= room():
            shown.add(place)
    return sorted(shown)


def _line(text: Text, columns: Sequence[Column], shown: Sequence[int], wide: Sequence[int], row: Row) -> None:
    styles = dict(row.styles)
    for place in shown:
        cell = _cut(row.cells[place], wide[place])
        room = " " * (wide[place] - _length(cell))
        padded = room + cell if columns[place].right else cell + room
        last = place == shown[-1]
        text.append(padded.rstrip() if last else padded, styles.get(place, ""))
        text.append("\n" if last else " " * GAP)


def _length(cell: str) -> int:
    from rich.cells import cell_len

    return cell_len(cell)


def _cut(cell: str, width: int) -> str:
    if _length(cell) <= width:
        return cell
    from rich.cells import set_cell_size

    return set_cell_size(cell, width - 1).rstrip() + "…"
