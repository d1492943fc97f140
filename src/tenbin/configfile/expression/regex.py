"""Regular expressions that the data plane can run: linear time, so no look-around and no back references.

Finds what its engine refuses and says where; syntax errors that both dialects share are found with Python's `re`.
"""

from __future__ import annotations

import re
import warnings

from tenbin.configfile.problem import Problem

_LONGEST = 4096

_REFUSED = (
    (re.compile(r"\(\?<?[=!]"), "look-around", 'test it apart: `matches(path, "...") and not matches(path, "...")`'),
    (re.compile(r"\\[1-9]|\\k<|\(\?P="), "a back reference", "spell out what is repeated"),
    (re.compile(r"\(\?>"), "an atomic group", "a plain group `(?:...)` is as fast here"),
    (re.compile(r"\(\?\("), "a conditional group", "join alternatives with `|`"),
    (
        re.compile(r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\+"),
        "a possessive repetition",
        "leave the `+` out: nothing backtracks here",
    ),
)
_ESCAPED = re.compile(r"\\[^1-9k]")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:[a-z^]+:\]|[^\]\\])*\]", re.DOTALL)
_RUST_ONLY = re.compile(r"\\[pPzuUx]|\[:|\(\?<[A-Za-z_]|\(\?[a-zA-Z]*[-UsR]|&&|--|~~|\\b\{")


def problems(pattern: str) -> list[Problem]:
    """Return what is wrong with a pattern, with offsets into it; nothing when it can be run."""
    if len(pattern) > _LONGEST:
        return [Problem(f"a regular expression of {len(pattern)} characters", expected=f"at most {_LONGEST}")]
    for char in pattern:
        if char == "\b":
            hint = 'put an r before the quotes: matches(path, r"\\b...")'
            return [Problem(r"`\b` in an ordinary text is a backspace, not a word border", hint=hint)]
    found = _refused(pattern)
    if not found and not _RUST_ONLY.search(pattern):
        found = _syntax(pattern)
    return found


def _refused(pattern: str) -> list[Problem]:
    # Escapes and classes are blanked out first: in them these characters mean themselves.
    def blank(match: re.Match[str]) -> str:
        return "_" * len(match.group())

    bare = _CLASS.sub(blank, _ESCAPED.sub(blank, pattern))
    result = []
    for what, name, hint in _REFUSED:
        if match := what.search(bare):
            message = f"{name} cannot be run in linear time, which every request is promised"
            result.append(Problem(message, hint=hint, start=match.start(), end=match.end()))
    return result


def _syntax(pattern: str) -> list[Problem]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except re.error as error:
        start = min(error.pos or 0, max(len(pattern) - 1, 0))
        hint = "a character that means itself gets a backslash before it" if "nothing to repeat" in error.msg else ""
        return [Problem(f"not a regular expression: {error.msg}", start=start, end=start + 1, hint=hint)]
    except (RecursionError, OverflowError):
        return [Problem("not a regular expression: it is nested too deeply or repeats too often")]
    return []
