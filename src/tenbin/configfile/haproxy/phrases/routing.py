"""Where requests go: `use_backend`, `default_backend`, `use-server`, `force-persist`, `ignore-persist`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import conditions, logformat
from tenbin.configfile.haproxy.phrases.rules import conditional
from tenbin.configfile.haproxy.phrases.words import Phrase, Place, Wrong
from tenbin.model.backend import PersistRule, UseServer
from tenbin.model.expression import Const, Expression
from tenbin.model.route import Route, ToBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy.lexer import Word


def use_backend(place: Place, words: Sequence[Word]) -> Route:
    """Read the words after `use_backend`; a name with samples in it is put together for each request."""
    if not words:
        raise Wrong("'use_backend' expects a backend name")
    phrase = Phrase(words)
    word = phrase.take("'use_backend' expects a backend name")
    name = _name(place, word)
    _only_condition(phrase, "switching rule")
    when = conditional(place, "use_backend", phrase)
    return _route(place, word, name, when)


def default_backend(place: Place, word: Word) -> Route:
    """The route that holds for whatever no other took."""
    return _route(place, word, Const(word.text), None)


def use_server(place: Place, words: Sequence[Word]) -> UseServer:
    """Read the words after `use-server`."""
    phrase = Phrase(words)
    word = phrase.take("'use-server' expects a server name")
    name = _name(place, word)
    _only_condition(phrase, "use-server rule")
    if not phrase.more:
        raise phrase.wrong("'use-server' expects a condition", hint="such as `use-server s1 if { hdr(x) a }`")
    if isinstance(name, Const):
        place.reading.wanted.append((word, "server", f"{place.scope.name}/{name.value}"))
    return UseServer(name, conditional(place, "use-server", phrase), words[0].position)


def persist(place: Place, words: Sequence[Word], *, force: bool) -> PersistRule:
    """Read the condition of `force-persist` or `ignore-persist`."""
    return PersistRule(force, conditions.read(place, words))


def _route(place: Place, word: Word, name: Expression, when: Expression | None) -> Route:
    if isinstance(name, Const):
        place.reading.wanted.append((word, "backend", str(name.value)))
        action = ToBackend(str(name.value))
    else:
        action = ToBackend("", name)
    return Route(when, (), (), None, action, word.position)


def _name(place: Place, word: Word) -> Expression:
    place.word = word
    try:
        return logformat.text_of(place, word.text)
    except Wrong as wrong:
        raise wrong.at(word) from None


def _only_condition(phrase: Phrase, what: str) -> None:
    if phrase.more and phrase.peek() not in ("if", "unless"):
        word = phrase.take("")
        message = f"unexpected keyword '{word.text}' after {what}, only 'if' and 'unless' are allowed"
        raise Wrong(message).at(word)
