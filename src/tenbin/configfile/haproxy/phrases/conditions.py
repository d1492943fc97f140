"""Conditions: `if` and `unless`, with ACLs joined by nothing (and), `or`, `||`, and negated by `!`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import acls, aliases
from tenbin.configfile.haproxy.phrases.words import Phrase, Place, Wrong
from tenbin.model.expression import All, Any, Const, Convert, Expression, Fetch, Match, Not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy.lexer import Word


def read(place: Place, words: Sequence[Word]) -> Expression:
    """Read `if ...` or `unless ...`."""
    phrase = Phrase(words)
    word = phrase.take("a condition is missing").text
    if word not in ("if", "unless"):
        message = f"expects either 'if' or 'unless' followed by a condition but found '{word}'"
        raise phrase.wrong(message)
    found = _any(place, phrase)
    if place.of_answer:
        found = _without_request(place, words[0], found)
    return negated(found) if word == "unless" else found


def negated(expression: Expression) -> Expression:
    """The opposite of a condition, without a `Not` of a `Not`."""
    return expression.input if isinstance(expression, Not) else Not(expression)


def _without_request(place: Place, word: Word, found: Expression) -> Expression:
    """A condition on an answer: what asks for the request matches nothing any more, as in HAProxy."""
    match found:
        case All(of):
            return All(tuple(_without_request(place, word, one) for one in of))
        case Any(of):
            return Any(tuple(_without_request(place, word, one) for one in of))
        case Not(inner):
            return Not(_without_request(place, word, inner))
    asked: Expression = found
    while isinstance(asked, Match | Convert):
        asked = asked.input
    if not isinstance(asked, Fetch) or not aliases.OF_REQUEST.fullmatch(asked.name):
        return found
    message = (
        f"acl will never match because it uses keyword '{asked.name}' which is incompatible with a rule on answers"
    )
    place.reading.warning(word, message, "remember it with set-var(txn.x) in a rule on requests")
    return Const(value=False)


def _any(place: Place, phrase: Phrase) -> Expression:
    """Alternatives, each a conjunction; one without any ACL always holds, as in HAProxy."""
    alternatives: list[Expression] = []
    terms: list[Expression] = []
    negative = False
    while phrase.more:
        word = phrase.take("")
        text = word.text
        if text in ("or", "||"):
            alternatives.append(_all(terms))
            terms = []
            continue
        stripped = text.lstrip("!")
        negative ^= (len(text) - len(stripped)) % 2 == 1
        if not stripped:
            continue
        term = _anonymous(place, phrase) if stripped == "{" else _named(place, word, stripped)
        terms.append(negated(term) if negative else term)
        negative = False
    alternatives.append(_all(terms))
    return alternatives[0] if len(alternatives) == 1 else Any(_flat(alternatives))


def _flat(alternatives: Sequence[Expression]) -> tuple[Expression, ...]:
    found: list[Expression] = []
    for one in alternatives:
        found.extend(one.of if isinstance(one, Any) else (one,))
    return tuple(found)


def _all(terms: Sequence[Expression]) -> Expression:
    if not terms:
        return Const(value=True)
    found: list[Expression] = []
    for one in terms:
        found.extend(one.of if isinstance(one, All) else (one,))
    return found[0] if len(found) == 1 else All(tuple(found))


def _anonymous(place: Place, phrase: Phrase) -> Expression:
    opening = phrase.last
    start = phrase.at
    while phrase.more and phrase.take("").text != "}":
        pass
    if phrase.last.text != "}":
        raise Wrong("missing closing '}' in condition").at(opening)
    words = phrase.words[start : phrase.at - 1]
    if not words:
        raise Wrong("missing fetch method in ACL expression").at(opening)
    return acls.expression(place, words)


def _named(place: Place, word: Word, name: str) -> Expression:
    try:
        return acls.named(place, name)
    except Wrong as wrong:
        hint = "blanks belong around the braces: `{ path /x }`" if name.startswith("{") else wrong.hint
        wrong.hint = hint
        raise wrong.at(word) from None
