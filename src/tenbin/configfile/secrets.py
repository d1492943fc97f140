"""Which parts of a configuration's text are secrets, so that no message ever shows them.

Owns the keys whose values are hidden and where those values end. It works on the text, not on the tree: a file that
is no YAML at all is quoted in messages, too.
"""

from __future__ import annotations

import re
from functools import cache
from string import ascii_lowercase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = r"token|secret|passw(?:or)?d|passphrase|authorization|api[_-]?key|private[_-]?key|credential|bearer"
_KEY = re.compile(rf"[\w-]*(?:{_WORDS})s?", re.IGNORECASE)
# The second form is a line whose colon was forgotten.
_ENTRY = re.compile(
    r"(?P<key>[\w-]+)[\"']?[^\S\n]*[:=]\s*|(?:^|[{,])[^\S\n]*(?:-[^\S\n]+)?(?P<word>[\w-]+)[^\S\n]+", re.MULTILINE
)
_VARIABLE = re.compile(r"([\"']?)\$\{\w+\}\1(?=[\s,}\]]|$)")
_DOUBLE = re.compile(r'"(?:\\.|[^"\\])*"?', re.DOTALL)
_SINGLE = re.compile(r"'(?:''|[^'])*'?")
# In a flow mapping a value ends before the next key, or before the brackets that end the line.
_PROPERTIES = re.compile(r"^(?:[&!]\S*\s+)+")
_NEXT_KEY = r"""[^\S\n]*,[^\S\n]*["']?[\w-]+["']?[^\S\n]*:"""
_LINE_END = r"[^\S\n]*[,}\]\s]*(?:[^\S\n]#[^\n]*)?$"
_PLAIN = re.compile(rf"[^\n]*?(?={_NEXT_KEY}|{_LINE_END})", re.MULTILINE)

_SHORTEST = 6

HIDDEN = "*"
"""Stands for one character that is not shown."""


def is_secret(key: str) -> bool:
    """Whether the value of a key, which may be misspelled, is not for showing; the name of its file is."""
    return _KEY.fullmatch(key) is not None or key.lower() in _misspelled()


def hide(text: str) -> str:
    """Return a text in which every character of a secret is replaced; all others keep their places."""
    parts: list[str] = []
    position = 0
    for start, end in _secrets(text):
        parts += (text[position:start], re.sub(r"[^\n]", HIDDEN, text[start:end]))
        position = end
    parts.append(text[position:])
    return "".join(parts)


def values(text: str) -> tuple[str, ...]:
    """Return the secrets of a text that are long enough to be told from other words, without their quotes."""
    found = (_PROPERTIES.sub("", text[start:end]) for start, end in _secrets(text))
    lines = (line.strip(" \t\r'\"") for secret in found for line in secret.split("\n"))
    return tuple(dict.fromkeys(line for line in lines if len(line) >= _SHORTEST))


def _secrets(text: str) -> Iterator[tuple[int, int]]:
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
        else:
            value = {'"': _DOUBLE, "'": _SINGLE}.get(opening, _PLAIN).match(text, start)
            end = value.end() if value else start
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
