"""Expressions of HAProxy's language: samples, ACLs, rules, log formats, stick lines.

What cannot be read is told to the `Reading`, and the answer is None. Word sequences begin after the directive's own
name: those of a rule with its action (`deny status 403 if bad`), those of an ACL with its name.
"""

# ruff: noqa: ARG001

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.model import Expression, LogPart, Route, Rule, StickRule, Table, UseServer

_LATER = "expressions are not read yet"


def acl(reading: Reading, scope: Scope, words: Sequence[Word]) -> None:
    """Declare or extend a named ACL of the scope."""
    reading.error(words[0], _LATER)


def condition(reading: Reading, scope: Scope, words: Sequence[Word]) -> Expression | None:
    """`if ...` or `unless ...`."""
    reading.error(words[0], _LATER)
    return None


def sample(reading: Reading, scope: Scope, words: Sequence[Word]) -> Expression | None:
    """A fetch and its converters, all in the first word; more words are a mistake."""
    reading.error(words[0], _LATER)
    return None


def text_format(reading: Reading, scope: Scope, word: Word) -> Expression | None:
    """A log format string as a text expression, such as the value of a header."""
    reading.error(word, _LATER)
    return None


def log_format(reading: Reading, scope: Scope, word: Word) -> tuple[LogPart, ...] | None:
    """A log format string as the parts of a line."""
    reading.error(word, _LATER)
    return None


def rule(reading: Reading, scope: Scope, phase: str, words: Sequence[Word]) -> Rule | None:
    """A rule of a phase, by the name that `tenbin.model.Rules` has for it."""
    reading.error(words[0], _LATER)
    return None


def stick_table(reading: Reading, scope: Scope, name: str, words: Sequence[Word]) -> Table | None:
    """The words after `stick-table`, or after `table NAME` of a peers section."""
    reading.error(words[0], _LATER)
    return None


def stick_rule(reading: Reading, scope: Scope, words: Sequence[Word]) -> StickRule | None:
    """The words after `stick`: `on`, `match`, `store-request` or `store-response`."""
    reading.error(words[0], _LATER)
    return None


def use_server(reading: Reading, scope: Scope, words: Sequence[Word]) -> UseServer | None:
    """The words after `use-server`."""
    reading.error(words[0], _LATER)
    return None


def use_backend(reading: Reading, scope: Scope, words: Sequence[Word]) -> Route | None:
    """The words after `use_backend`."""
    reading.error(words[0], _LATER)
    return None
