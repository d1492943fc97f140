"""Patterns of ACLs: from the words of an ACL to those of a `Match`, by its method.

Owns operators and ranges of numbers, networks, dotted versions, hexadecimal texts. Follows section 7.1 of HAProxy's
configuration manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_network
from socket import inet_aton, inet_ntoa
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import regex
from tenbin.configfile.haproxy.phrases.words import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.configfile.haproxy.lexer import Word

METHODS = {
    "str": "eq",
    "beg": "beg",
    "end": "end",
    "sub": "sub",
    "dir": "dir",
    "dom": "dom",
    "reg": "reg",
    "len": "len",
    "int": "int",
    "ip": "ip",
    "bool": "bool",
    "bin": "bin",
    "found": "found",
}
"""HAProxy's match methods, and what a `Match` calls them."""

WITHOUT = ("bool", "found")
"""Methods that look at no pattern."""

TAKES = {"bool": "int", "int": "int", "ip": "ip", "len": "str", "ver": "int", "bin": "bin", "reg": "str"}
"""The kind of value that a method is about; text where none stands here."""

DEFAULT = {"bool": "bool", "int": "int", "ip": "ip", "str": "str"}
"""The method of a sample's kind."""

_RANGE = re.compile(r"(-?[0-9]+)?(?:([:-])(-?[0-9]+)?)?")
_DOTTED = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_SHORT = re.compile(r"[0-9]+(\.[0-9]+){1,2}")
_OPERATORS = ("eq", "ge", "gt", "le", "lt")


def read(method: str, words: Sequence[Word]) -> tuple[str, ...]:
    """Return the patterns that these words are for a method. Raises `Wrong`, placed at the word."""
    if method in ("int", "len", "ver"):
        return _numbers(words, dotted=method == "ver")
    convert = _CONVERT.get(method, str)
    return tuple(_placed(convert, word) for word in words)


def _placed(convert: Callable[[str], str], word: Word) -> str:
    try:
        return convert(word.text)
    except Wrong as wrong:
        raise wrong.at(word) from None


@dataclass(slots=True)
class _Numbers:
    """Ranges, as they come; an operator holds until the next one."""

    operator: str = "eq"
    found: list[str] = field(default_factory=list)

    def add(self, low: int | None, high: int | None) -> None:
        match self.operator:
            case "eq":
                pass
            case "ge":
                high = None
            case "gt":
                low, high = (low or 0) + 1, None
            case "le":
                low = None
            case "lt":
                low, high = None, (high or 0) - 1
        left, right = "" if low is None else str(low), "" if high is None else str(high)
        self.found.append(left if left == right else f"{left}:{right}")


def _numbers(words: Sequence[Word], *, dotted: bool) -> tuple[str, ...]:
    numbers = _Numbers()
    for word in words:
        text = word.text
        if text in _OPERATORS:
            numbers.operator = text
            continue
        low, high, is_range = _version(word) if dotted else _bounds(word)
        operator = numbers.operator
        if is_range:
            # HAProxy lets a range stand for itself, whatever the operator.
            numbers.operator = "eq"
        numbers.add(low, high)
        numbers.operator = operator
    return tuple(numbers.found)


def _bounds(word: Word) -> tuple[int | None, int | None, bool]:
    match = _RANGE.fullmatch(word.text)
    if not match or not any(match.groups()) or (match[2] and not match[1] and not match[3]):
        kind = "a valid number range" if re.match(r"-?[0-9]", word.text) else "a number nor a supported operator"
        raise Wrong(f"'{word.text}' is {'not' if 'valid' in kind else 'neither'} {kind}").at(word)
    low = int(match[1]) if match[1] else None
    if not match[2]:
        return low, low, False
    return low, int(match[3]) if match[3] else None, True


def _version(word: Word) -> tuple[int | None, int | None, bool]:
    low, colon, high = word.text.partition(":")
    return _dotted(word, low), _dotted(word, high if colon else low), bool(colon)


def _dotted(word: Word, text: str) -> int | None:
    if not text:
        return None
    match = _DOTTED.fullmatch(text)
    if not match:
        raise Wrong(f"'{word.text}' is neither a number nor a supported operator").at(word)
    return (int(match[1]) << 16) + int(match[2] or 0)


def _network(text: str) -> str:
    try:
        if _SHORT.fullmatch(text):
            # As the resolver takes it: the last number fills what is left.
            return inet_ntoa(inet_aton(text))
        return str(ip_network(text, strict=False))
    except (ValueError, OSError):
        looks_named = re.fullmatch(r"[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*", text) is not None
        hint = "names are not looked up here: write the address" if looks_named else ""
        raise Wrong(f"'{text}' is not a valid IPv4 or IPv6 address", hint=hint) from None


def _hexadecimal(text: str) -> str:
    if len(text) % 2 or not re.fullmatch(r"[0-9A-Fa-f]*", text):
        raise Wrong(f"'{text}' is not a sequence of pairs of hexadecimal digits")
    return text.lower()


_CONVERT: dict[str, Callable[[str], str]] = {"ip": _network, "bin": _hexadecimal, "reg": regex.translate}
