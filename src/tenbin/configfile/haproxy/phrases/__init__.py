"""Expressions of HAProxy's language: samples, ACLs, rules, log formats, stick lines.

What cannot be read is told to the `Reading`, and the answer is None. Word sequences begin after the directive's own
name: those of a rule with its action (`deny status 403 if bad`), those of an ACL with its name. Names of tables,
backends, frontends, servers and userlists are noted in `Reading.wanted`; `unresolved` tells of those that never came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tenbin.configfile.haproxy.phrases import acls, bandwidth, conditions, logformat, routing, rules, samples, tables
from tenbin.configfile.haproxy.phrases.actions.answers import from_file
from tenbin.configfile.haproxy.phrases.formats import FORMATS
from tenbin.configfile.haproxy.phrases.resolve import unresolved
from tenbin.configfile.haproxy.phrases.sources import NOWHERE
from tenbin.configfile.haproxy.phrases.tables import limits_fit
from tenbin.configfile.haproxy.phrases.words import Place, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.model import (
        Answer,
        Expression,
        LogPart,
        PersistRule,
        Route,
        Rule,
        StickRule,
        Table,
        UseServer,
    )

__all__ = [
    "FORMATS", "NOWHERE", "acl", "bandwidth_limit", "condition", "default_backend", "error_file", "limits_fit",
    "log_format", "persist", "redirect", "rule", "sample", "standard_format", "stick_rule", "stick_table",
    "text_format", "unresolved", "use_backend", "use_server",
]  # fmt: skip

_Found = TypeVar("_Found")


def acl(reading: Reading, scope: Scope, words: Sequence[Word]) -> None:
    """Declare or extend a named ACL of the scope."""
    place = Place(reading, scope)
    name = words[0].text
    _told(reading, words[0], lambda: acls.declare(place, words), prefix=f"error detected while parsing ACL '{name}' : ")


def condition(reading: Reading, scope: Scope, words: Sequence[Word], phase: str = "") -> Expression | None:
    """`if ...` or `unless ...`."""
    return _told(reading, words[0], lambda: conditions.read(Place(reading, scope, phase), words))


def sample(reading: Reading, scope: Scope, words: Sequence[Word], phase: str = "") -> Expression | None:
    """A fetch and its converters, all in the first word; more words are a mistake."""

    def read() -> Expression:
        if len(words) > 1:
            raise Wrong(f"unexpected '{words[1].text}' after a sample").at(words[1])
        return samples.whole(Place(reading, scope, phase, words[0]), words[0].text).expression

    return _told(reading, words[0], read)


def text_format(reading: Reading, scope: Scope, word: Word, phase: str = "") -> Expression | None:
    """A log format string as a text expression, such as the value of a header."""
    return _told(reading, word, lambda: logformat.text_of(Place(reading, scope, phase, word), word.text))


def log_format(reading: Reading, scope: Scope, word: Word) -> tuple[LogPart, ...] | None:
    """A log format string as the parts of a line."""
    return _told(reading, word, lambda: logformat.parts(Place(reading, scope, "", word), word.text))


def standard_format(reading: Reading, scope: Scope, name: str) -> tuple[LogPart, ...]:
    """One of `FORMATS`."""
    return logformat.parts(Place(reading, scope), FORMATS[name])


def rule(reading: Reading, scope: Scope, phase: str, words: Sequence[Word]) -> Rule | None:
    """A rule of a phase, by the name that `tenbin.model.Rules` has for it; None also where it has no effect."""
    return _told(reading, words[0], lambda: rules.read(Place(reading, scope, phase), phase, words))


def redirect(reading: Reading, scope: Scope, words: Sequence[Word]) -> Rule | None:
    """The words after `redirect`, the directive; a rule of the request."""
    return _told(reading, words[0], lambda: rules.legacy_redirect(Place(reading, scope, "request"), words))


def stick_table(reading: Reading, scope: Scope, name: str, words: Sequence[Word]) -> Table | None:
    """The words after `stick-table`, or after `table NAME` of a peers section."""
    return _told(reading, words[0], lambda: tables.table(Place(reading, scope), name, words))


def bandwidth_limit(reading: Reading, scope: Scope, words: Sequence[Word]) -> None:
    """The words after `filter`: `bwlim-in` or `bwlim-out`."""
    _told(reading, words[0], lambda: bandwidth.declare(Place(reading, scope), words))


def stick_rule(reading: Reading, scope: Scope, words: Sequence[Word]) -> StickRule | None:
    """The words after `stick`: `on`, `match`, `store-request` or `store-response`."""
    return _told(reading, words[0], lambda: tables.stick(Place(reading, scope), words))


def use_server(reading: Reading, scope: Scope, words: Sequence[Word]) -> UseServer | None:
    """The words after `use-server`."""
    return _told(reading, words[0], lambda: routing.use_server(Place(reading, scope, "request"), words))


def use_backend(reading: Reading, scope: Scope, words: Sequence[Word]) -> Route | None:
    """The words after `use_backend`."""
    return _told(reading, words[0], lambda: routing.use_backend(Place(reading, scope, _phase(scope)), words))


def default_backend(reading: Reading, scope: Scope, word: Word) -> Route:
    """The word after `default_backend`, as the last route."""
    return routing.default_backend(Place(reading, scope), word)


def persist(reading: Reading, scope: Scope, words: Sequence[Word], *, force: bool) -> PersistRule | None:
    """The words after `force-persist` or `ignore-persist`."""
    return _told(reading, words[0], lambda: routing.persist(Place(reading, scope, "request"), words, force=force))


def error_file(reading: Reading, word: Word) -> Answer | None:
    """The answer in the file that `errorfile` names."""

    def read() -> Answer:
        try:
            return from_file(reading.read_file(word.text).data, word.text)
        except OSError as error:
            raise Wrong(f"error opening file '{word.text}'", hint=(error.strerror or "").lower()) from None

    return _told(reading, word, read)


def _phase(scope: Scope) -> str:
    return "request" if scope.reads_requests else "content"


def _told(reading: Reading, word: Word, read: Callable[[], _Found], *, prefix: str = "") -> _Found | None:
    """What is read, or None when it was wrong and has been told."""
    try:
        return read()
    except Wrong as wrong:
        wrong.at(word, prefix)
        place = wrong.word or word
        message = wrong.message if wrong.message.endswith((".", "?")) else f"{wrong.message}."
        if wrong.refused:
            reading.refused(place, message, wrong.hint)
        else:
            reading.error(place, message, wrong.hint)
        return None
