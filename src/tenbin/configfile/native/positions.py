"""Where a character of a YAML scalar's value stands in the text of the file.

The scalar is read again in its style - plain, quoted, block - keeping the place of every character. Should that not
give the value that the parser gave, the caller falls back on marking the whole scalar.
"""

from __future__ import annotations

import re

_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)+")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}

Placed = list[tuple[str, int]]
"""Characters of the value, each with its offset in the file."""


def offsets(text: str, start: int, end: int, value: str) -> list[int] | None:
    """Return the place in `text` of every character of `value`, the scalar between `start` and `end`.

    None when they cannot be told.
    """
    if properties := _PROPERTIES.match(text, start, end):
        start = properties.end()
    opening = text[start : start + 1]
    if opening == "'":
        placed = _quoted(text, start + 1, end - 1, escapes=False)
    elif opening == '"':
        placed = _quoted(text, start + 1, end - 1, escapes=True)
    elif opening in ("|", ">"):
        placed = _block(text, start, end)
    else:
        placed = _quoted(text, start, end, escapes=False, plain=True)
    if len(placed) < len(value) or any(char != found for char, (found, _) in zip(value, placed, strict=False)):
        return None
    return [offset for _, offset in placed[: len(value)]]


def _quoted(text: str, start: int, end: int, *, escapes: bool, plain: bool = False) -> Placed:
    """A flow scalar: lines are folded, and quotes or backslashes escape."""
    placed: Placed = []
    index = start
    while index < end:
        char = text[index]
        if char in "\r\n":
            index = _fold(text, index, end, placed)
        elif escapes and char == "\\":
            index = _escape(text, index, end, placed)
        else:
            placed.append((char, index))
            index += 2 if char == "'" and not escapes and not plain else 1
    return placed


def _fold(text: str, index: int, end: int, placed: Placed) -> int:
    """A line end in a flow scalar: one is a space, further ones are kept; blanks around them go."""
    while placed and placed[-1][0] in " \t":
        placed.pop()
    place, breaks = index, 0
    while index < end and text[index] in " \t\r\n":
        breaks += text[index] == "\n"
        index += 1
    placed.extend([("\n", place)] * (breaks - 1) if breaks > 1 else [(" ", place)])
    return index


def _escape(text: str, index: int, end: int, placed: Placed) -> int:
    code = text[index + 1 : index + 2]
    if code in ("\r", "\n"):
        index += 1
        while index < end and text[index] in " \t\r\n":
            index += 1
        return index
    if code in _HEX:
        stop = index + 2 + _HEX[code]
        try:
            placed.append((chr(int(text[index + 2 : stop], 16)), index))
        except (ValueError, OverflowError):
            return end
        return stop
    placed.append((_ESCAPES.get(code, code), index))
    return index + 2


def _block(text: str, start: int, end: int) -> Placed:
    """A block scalar: the indentation goes, and in the folded style single line ends become spaces."""
    header_end = text.find("\n", start, end)
    if header_end < 0:
        return []
    folded = text[start] == ">"
    lines = text[header_end + 1 : end].split("\n")
    indent = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    placed: Placed = []
    offset = header_end + 1
    for line in lines:
        body = line[indent:].rstrip("\r")
        placed.extend((char, offset + indent + column) for column, char in enumerate(body))
        placed.append(("\n", offset + len(line)))
        offset += len(line) + 1
    return _folded(placed) if folded else placed


def _folded(placed: Placed) -> Placed:
    """Single line ends between lines that begin with text become spaces, of several the first one goes."""
    result: Placed = []
    index = 0
    while index < len(placed):
        char, offset = placed[index]
        if char != "\n":
            result.append((char, offset))
            index += 1
            continue
        stop = index
        while stop < len(placed) and placed[stop][0] == "\n":
            stop += 1
        number = stop - index
        if stop == len(placed):
            result.extend(placed[index:stop])
        else:
            result.extend([(" ", offset)] if number == 1 else placed[index + 1 : stop])
        index = stop
    return result
