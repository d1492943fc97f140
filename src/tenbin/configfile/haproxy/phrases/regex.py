"""Regular expressions: PCRE as HAProxy takes it, to those that the data plane runs in linear time.

Owns the harmless differences. What cannot be run in linear time, look-around and back references, is refused.
"""

from __future__ import annotations

import re

from tenbin.configfile.expression import regex as common
from tenbin.configfile.haproxy.phrases.words import Wrong

_POSSESSIVE = re.compile(r"((?<!\\)[*+?}])\+")
_ATOMIC = re.compile(r"(?<!\\)\(\?>")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)
_PIECE = re.compile(r"\\.|\[|\]|.", re.DOTALL)
_SAME = {r"\Z": r"\z", r"\h": r"[ \t]", r"\/": "/", r"\R": r"(?:\r\n|\n|\r)", r"\e": r"\x1b", r"\G": ""}
_ESCAPABLE = re.compile(r"[A-Za-z0-9\\.+*?()|\[\]{}^$#&~-]")
_HINTS = {"look-around": "match it apart, with an ACL of its own that is negated: `{ path_reg a } !{ path_reg b }`"}
_GROUP = re.compile(r"\\([1-9][0-9]*)")


def translate(pattern: str, word: str = "regex") -> str:
    """Return the pattern in the data plane's syntax. Raises `Wrong` when it has none."""
    quoted = _QUOTED.sub(lambda match: re.escape(match[1]), pattern)
    plain = _ATOMIC.sub("(?:", _POSSESSIVE.sub(r"\1", quoted))
    plain = "".join(_pieces(plain))
    found = common.problems(plain)
    if found:
        first = found[0]
        refused = "linear time" in first.message
        hint = _HINTS.get(first.message.partition(" cannot")[0], first.hint)
        raise Wrong(f"{word} '{pattern}' is invalid ({first.message})", hint=hint, refused=refused)
    return plain


def check_template(template: str, pattern: str) -> None:
    """Refuse a template that asks for a group which the pattern does not have."""
    try:
        groups = re.compile(pattern).groups
    except re.error:
        return
    for match in _GROUP.finditer(template):
        if int(match[1]) > max(groups, 0) and int(match[1]) > 9:
            raise Wrong(f"invalid reference '{match[0]}': the expression has {groups} groups")


def _pieces(pattern: str) -> list[str]:
    """The pattern piece by piece: escapes that Rust does not know become what they mean, `[` in a class is escaped."""
    pieces = []
    in_class = first = False
    for match in _PIECE.finditer(pattern):
        piece = match[0]
        if in_class and piece == "[" and pattern[match.start() + 1 : match.start() + 2] != ":":
            piece = r"\["
        elif in_class and piece == "]" and not first and not _posix_end(pattern, match.start()):
            in_class = False
        elif not in_class and piece == "[":
            in_class = first = True
            pieces.append(piece)
            continue
        elif len(piece) == 2:
            known = _SAME.get(piece)
            piece = known if known is not None and not in_class else _unescaped(piece)
        elif in_class and piece in "&~" and pieces and pieces[-1] == piece:
            piece = f"\\{piece}"
        first = first and piece == "^"
        pieces.append(piece)
    return pieces


def _unescaped(piece: str) -> str:
    """An escape that means its character, without the backslash where Rust does not allow one."""
    return piece if _ESCAPABLE.match(piece[1]) else piece[1]


def _posix_end(pattern: str, at: int) -> bool:
    return (
        pattern[at - 1 : at] == ":" and "[:" in pattern[:at] and pattern.rfind("[:", 0, at) > pattern.rfind("]", 0, at)
    )
