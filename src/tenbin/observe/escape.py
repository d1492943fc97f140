"""Makes text from outside harmless on a terminal and in a log line.

Owns the one rule: what could move the cursor, end a line or reorder what a reader sees is written as an escape.
"""

from __future__ import annotations

TEXT_LIMIT = 1000


def printable(text: str, *, limit: int = TEXT_LIMIT) -> str:
    r"""Return the text as one line: control, format and line-separating characters as `\x1b`, cut at `limit`."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    if cut.isprintable():
        return cut
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in cut)


def printable_block(text: str, *, limit: int = 100 * TEXT_LIMIT) -> str:
    """Return a text of several lines whose lines are printable."""
    cut = text if len(text) <= limit else text[: limit - 3] + "..."
    return "\n".join(printable(line) for line in cut.split("\n"))


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
