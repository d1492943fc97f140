"""Bandwidth limits: `filter bwlim-in`, `filter bwlim-out`, and `set-bandwidth-limit`, which turns one on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import samples, units
from tenbin.configfile.haproxy.phrases.words import Phrase, Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.expression import Const, Expression
from tenbin.model.rules import Act, Bandwidth, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.phrases.actions.line import Line
    from tenbin.configfile.haproxy.phrases.samples import Typed
    from tenbin.configfile.haproxy.phrases.words import Place

KINDS = ("bwlim-in", "bwlim-out")
_OWN = ("default-limit", "default-period")
_SHARED = ("limit", "key", "table")
_OPTIONS = (*_OWN, *_SHARED, "min-size")


def declare(place: Place, words: Sequence[Word]) -> None:
    """Read the words after `filter`: a limit of the scope, off until a rule turns it on."""
    phrase = Phrase(words, at=1)
    kind, scope = words[0], place.scope
    name = phrase.take(f"'{kind.text}' : a name is expected as first argument")
    if name.text in scope.limits:
        raise Wrong(f"bwlim filter '{name.text}' already declared for proxy '{scope.name}'").at(name)
    given: dict[str, Word] = {}
    key: Typed | None = None
    while phrase.more:
        option = phrase.take("")
        if option.text not in _OPTIONS:
            hint = did_you_mean(option.text, _OPTIONS)
            raise Wrong(f"'{kind.text}' : unexpected option '{option.text}'", hint=hint).at(option)
        value = phrase.take(f"'{kind.text}' : the value is missing for '{option.text}' option")
        given[option.text] = value
        if any(one in given for one in _OWN) and any(one in given for one in _SHARED):
            raise Wrong(f"'{kind.text}' : cannot mix per-stream and shared parameter").at(option)
        if option.text == "key":
            place.word = value
            key = samples.whole(place, value.text)
    needed = ("key", "limit") if any(one in given for one in _SHARED) else ("default-period", "default-limit")
    for option_name in needed:
        if option_name not in given:
            raise Wrong(f"'{kind.text}' : <{option_name}> option is missing").at(kind)
    table = given.get("table")
    if key is not None:
        place.reading.wanted.append((table or kind, "table", table.text if table else scope.name))
        scope.shared_limits.append((table or kind, name.text, key.kind))
    scope.limits[name.text] = Bandwidth(
        name=f"{scope.name}/{name.text}",
        is_up=kind.text == "bwlim-in",
        limit=_number(given.get("limit") or given.get("default-limit"), units.size),
        period=_number(given.get("default-period"), units.milliseconds),
        least=_number(given.get("min-size"), units.size),
        table="" if key is None else table.text if table else scope.name,
        key=key.expression if key else None,
    )


def set_limit(line: Line) -> Act:
    """`set-bandwidth-limit NAME [limit SIZE|SAMPLE] [period TIME|SAMPLE]`."""
    word = line.take("missing bwlim filter name")
    limits = line.place.scope.limits
    found = limits.get(word.text)
    if found is None:
        message = f"unable to find bwlim filter '{word.text}' referenced by set-bandwidth-limit rule"
        raise Wrong(message, hint=did_you_mean(word.text, limits)).at(word)
    said: dict[str, Expression] = {}
    while line.phrase.peek() in ("limit", "period"):
        option = line.phrase.take("")
        if found.key is not None:
            message = f"set-bandwidth-limit rule cannot define a {option.text} for a shared bwlim filter"
            raise Wrong(message).at(option)
        convert = units.size if option.text == "limit" else units.milliseconds
        said[option.text] = _constant_or_sample(line, convert, option.text)
    return Act(Verb.LIMIT_BANDWIDTH, value=said.get("limit"), to=said.get("period"), bandwidth=found)


def _constant_or_sample(line: Line, convert: Callable[[str], int], what: str) -> Expression:
    if line.phrase.peek()[:1].isdigit():
        word = line.phrase.take("")
        try:
            return Const(convert(word.text))
        except Wrong as wrong:
            raise wrong.at(word) from None
    return line.sample(f"a {what} value or expression").expression


def _number(word: Word | None, convert: Callable[[str], int]) -> int:
    if word is None:
        return 0
    try:
        return convert(word.text)
    except Wrong as wrong:
        raise wrong.at(word) from None
