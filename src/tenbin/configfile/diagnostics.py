"""How problems of a configuration are shown to a person: position, source line, caret, what to do.

Knows nothing of how they were found. Text that comes from the file is cleaned of control characters, so that a file
cannot steer the terminal that shows it.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from tenbin.errors import ConfigError, Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDEST = 140
_BEFORE = 50
_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_COLORS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_HINT = "\x1b[36m"


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """Return the text that shows these problems one below the other, without a newline at its end.

    With `color`, severity, caret and hint carry ANSI colours; the words are the same.
    """
    return "\n".join(_render_one(diagnostic, color) for diagnostic in diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each problem once, in the order of the file."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda one: (one.line, one.column, one.severity is Severity.WARNING)))


def count(diagnostics: Iterable[Diagnostic]) -> str:
    """Return a summary such as `2 errors and 1 warning`."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    parts = []
    for severity in Severity:
        number = severities.count(severity)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return " and ".join(parts) or "no problems"


def config_error(diagnostics: Sequence[Diagnostic]) -> ConfigError:
    """Return the error that carries these problems."""
    return ConfigError(render(diagnostics), diagnostics=tuple(diagnostics))


def _render_one(diagnostic: Diagnostic, color: bool) -> str:
    paint = _COLORS[diagnostic.severity] if color else ""
    reset = _RESET if color else ""
    bold = _BOLD if color else ""
    head = (
        f"{bold}{_clean(diagnostic.position)}:{reset} {paint}{diagnostic.severity}:{reset} {_clean(diagnostic.message)}"
    )
    lines = [head]
    if diagnostic.line:
        text, column, width = _window(diagnostic)
        lines.append(f"    {text}")
        lines.append(f"    {' ' * column}{paint}{'^' * width}{reset}")
    seen = []
    if diagnostic.found:
        seen.append(f"found {_clean(diagnostic.found)}")
    if diagnostic.expected:
        seen.append(f"expected {_clean(diagnostic.expected)}")
    if seen:
        lines.append(f"    {', '.join(seen)}")
    if diagnostic.hint:
        lines.append(f"    {_HINT if color else ''}hint: {_clean(diagnostic.hint)}{reset}")
    return "\n".join(lines)


def _window(diagnostic: Diagnostic) -> tuple[str, int, int]:
    """The part of the source line around the caret, and where the caret goes below it, in terminal cells."""
    text = _clean(diagnostic.source)
    start = diagnostic.column - 1
    end = min(start + diagnostic.width, max(len(text), start + 1))
    if len(text) > _WIDEST:
        left = max(0, min(start - _BEFORE, len(text) - _WIDEST))
        right = left + _WIDEST
        shown = ("..." if left else "") + text[left:right] + ("..." if right < len(text) else "")
        shift = left - (3 if left else 0)
        text, start, end = shown, start - shift, min(end - shift, len(shown))
    return text, _cells(text[:start]), max(_cells(text[start:end]), 1)


def _clean(text: str) -> str:
    """One character for one, so that columns stay: a space for a tab, a replacement for other control characters."""
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable()
        else " "
        if unicodedata.category(char) in ("Zs", "Cc") and char in "\t\xa0"
        else "\ufffd"
        for char in text
    )


def _cells(text: str) -> int:
    """How many terminal cells a text fills: two for wide characters, none for combining ones."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
