"""The nearest known word to one that was written: "did you mean"."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word closest to `word`, or "" when none is close enough to be what was meant.

    Close enough is one edit (insert, delete, replace, swap of neighbours) for every three characters, case and the
    kind of separator aside.
    """
    plain = _plain(word)
    limit = max(1, len(plain) // 3)
    best, best_distance = "", limit + 1
    for candidate in known:
        distance = edit_distance(plain, _plain(candidate), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the hint that names the nearest known word, or ""."""
    found = nearest(word, known)
    return f"did you mean `{found}`?" if found else ""


def edit_distance(left: str, right: str, limit: int) -> int:
    """Return the number of edits between two words, or `limit` as soon as it is not below that."""
    if abs(len(left) - len(right)) >= limit:
        return limit
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        last, before, row = before, row, [i]
        for j, b in enumerate(right, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
    return min(row[-1], limit)


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
