"""Which parts of a configuration's text are secrets, so that no message ever shows them.

Owns the keys whose values are hidden and where those values end. It works on the text, not on the tree: a file that
is no YAML at all is quoted in messages, too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from operator import itemgetter
from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORDS = r"token|secret|passw(?:or)?d|passphrase|authorization|api[_-]?key|private[_-]?key|credential|bearer"
_KEY = re.compile(rf"(?:{_WORDS})s?\Z", re.IGNORECASE)
# Every part of these patterns begins where no other of its kind can, and gives nothing back: a text of any size is read
# in time that grows with its length. The second form is a line whose colon was forgotten.
_ENTRY = re.compile(
    r"(?<![\w-])(?P<key>[\w-]++)[\"']?+[^\S\n]*+[:=]\s*+|(?:^|[{,])[^\S\n]*+(?:-[^\S\n]++)?+(?P<word>[\w-]++)[^\S\n]++",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"([\"']?)\$\{\w+\}\1(?=[\s,}\]]|$)")
_DOUBLE = re.compile(r'"(?:\\.|[^"\\])*+"?+', re.DOTALL)
_SINGLE = re.compile(r"'(?:''|[^'])*+'?+")
_PROPERTIES = re.compile(r"^(?:[&!]\S*\s+)+")
_PLAIN_END = re.compile(r"""[^\S\n]#|$|(?P<key>,[^\S\n]*+["']?+[\w-]++["']?+[^\S\n]*+:)""", re.MULTILINE)
_CLOSING = ",}] \t\r\f\v"

Span = tuple[int, int]

_SHORTEST = 6
_VISIBLE = re.compile(r"[^\n]")

HIDDEN = "*"
"""Stands for one character that is not shown."""


def is_secret(key: str) -> bool:
    """Whether the value of a key, which may be misspelled, is not for showing; the name of its file is."""
    return _KEY.search(key) is not None or key.lower() in _misspelled()


def hide(text: str) -> str:
    """Return a text in which every character of a secret is replaced; all others keep their places."""
    return hidden(text, find(text), (0, len(text)))


def hidden(text: str, secrets: Sequence[Span], part: Span) -> str:
    """Return a part of a text without the secrets that were found in the whole."""
    position, last = part
    parts: list[str] = []
    for start, end in secrets[bisect_right(secrets, position, key=itemgetter(1)) :]:
        if start >= last:
            break
        parts.append(text[position : max(start, position)])
        parts.append(_VISIBLE.sub(HIDDEN, text[max(start, position) : min(end, last)]))
        position = min(end, last)
    return "".join((*parts, text[position:last]))


def values(text: str, secrets: Sequence[Span]) -> tuple[str, ...]:
    """Return the secrets of a text that are long enough to be told from other words, without their quotes."""
    found = (_PROPERTIES.sub("", text[start:end]) for start, end in secrets)
    lines = (line.strip(" \t\r'\"") for secret in found for line in secret.split("\n"))
    return tuple(dict.fromkeys(line for line in lines if len(line) >= _SHORTEST))


def find(text: str) -> tuple[Span, ...]:
    """Return where the secrets of a text begin and end, in order, in time that is linear in its length."""
    return tuple(_secrets(text))


def _secrets(text: str) -> Iterator[Span]:
    position = 0
    while entry := _ENTRY.search(text, position):
        if not is_secret(entry["key"] or entry["word"]):
            # What follows can be a key, too: of a mapping that begins here.
            position = entry.end("key" if entry["key"] else "word")
            continue
        start = position = entry.end()
        opening = text[start : start + 1]
        if _VARIABLE.match(text, start):
            continue
        if opening in ("|", ">"):
            end = _block_end(text, start, _indentation(text, entry.start()))
        elif quoted := {'"': _DOUBLE, "'": _SINGLE}.get(opening):
            value = quoted.match(text, start)
            end = value.end() if value else start
        else:
            end = _plain_end(text, start)
        if end > start:
            yield start, end
            position = end


@cache
def _misspelled() -> frozenset[str]:
    """All words that one letter, one too many, one missing or two swapped, keep from being the name of a secret."""
    found = set()
    for word in ("token", "read_token", "password", "secret"):
        parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
        found |= {left + right[1:] for left, right in parts if right}
        found |= {left + right[1] + right[0] + right[2:] for left, right in parts if len(right) > 1}
        for letter in ascii_lowercase + "_-":
            found |= {left + letter + right for left, right in parts}
            found |= {left + letter + right[1:] for left, right in parts if right}
    return frozenset(found)


def _indentation(text: str, position: int) -> int:
    line = text[text.rfind("\n", 0, position) + 1 : position + 1]
    return len(line) - len(line.lstrip(" -"))


def _plain_end(text: str, start: int) -> int:
    """Where a value without quotes ends: before the next key of a flow mapping, or what closes the line."""
    end = _PLAIN_END.search(text, start)
    value = text[start : end.start() if end else len(text)]
    return start + len(value.rstrip(None if end and end["key"] else _CLOSING))


def _block_end(text: str, start: int, indentation: int) -> int:
    """Where the lines that are indented more than the key end."""
    end = text.find("\n", start)
    while end >= 0:
        following = text.find("\n", end + 1)
        line = text[end + 1 : following if following >= 0 else len(text)]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indentation:
            return end
        end = following
    return len(text)
