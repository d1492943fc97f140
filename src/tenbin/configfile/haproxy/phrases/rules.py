"""A rule: an action, then the condition under which it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import conditions
from tenbin.configfile.haproxy.phrases.actions import course, table
from tenbin.configfile.haproxy.phrases.actions.answers import redirect
from tenbin.configfile.haproxy.phrases.actions.line import Line
from tenbin.configfile.haproxy.phrases.words import Phrase, Place, Wrong
from tenbin.configfile.suggest import did_you_mean, nearest
from tenbin.model.rules import Act, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.model.expression import Expression


def read(place: Place, phase: str, words: Sequence[Word]) -> Rule | None:
    """Read a rule of a phase; None when it has no effect, which is in the report then."""
    directive = table.DIRECTIVES[phase]
    scope = place.scope
    if phase in ("connection", "session") and not scope.is_frontend:
        raise Wrong(f"{directive} is not allowed because {scope.kind} {scope.name} is not a frontend").at(words[0])
    if phase == "answer_content" and not scope.is_backend:
        raise Wrong(f"{directive} is not allowed because {scope.kind} {scope.name} is not a backend").at(words[0])
    name, argument = _split(words[0].text)
    parser = _parser(directive, phase, name, words[0])
    line = Line(place, Phrase(words, at=1), name, argument, phase)
    try:
        act = parser(line)
    except Wrong as wrong:
        of = f"{place.scope.kind} '{place.scope.name}'"
        prefix = f"error detected in {of} while parsing '{directive} {words[0].text}' rule : "
        raise wrong.at(words[0], prefix) from None
    return _conditional(place, f"{directive} {name}", line.phrase, act)


def legacy_redirect(place: Place, words: Sequence[Word]) -> Rule | None:
    """Read the directive `redirect`, whose words are those of the action."""
    line = Line(place, Phrase(words), "redirect", None, "request")
    try:
        act = redirect(line)
    except Wrong as wrong:
        prefix = f"error detected in {place.scope.kind} '{place.scope.name}' while parsing redirect rule : "
        raise wrong.at(words[0], prefix) from None
    return _conditional(place, "redirect", line.phrase, act)


def conditional(place: Place, owner: str, phrase: Phrase) -> Expression | None:
    """Read the condition at the end of a phrase, None where there is none."""
    if not phrase.more:
        return None
    if phrase.peek() not in ("if", "unless"):
        word = phrase.take("")
        message = f"'{owner}' expects either 'if' or 'unless' followed by a condition but found '{word.text}'"
        raise Wrong(message).at(word)
    try:
        return conditions.read(place, phrase.rest())
    except Wrong as wrong:
        raise wrong.at(phrase.last, f"error detected while parsing an '{owner}' condition : ") from None


def _conditional(place: Place, owner: str, phrase: Phrase, act: Act | None) -> Rule | None:
    first = phrase.words[0]
    when = conditional(place, owner, phrase)
    return None if act is None else Rule(when, act, first.position)


def _split(text: str) -> tuple[str, str | None]:
    """`set-var(txn.a)` as its name and what stands in the parentheses."""
    name, opened, rest = text.partition("(")
    if not opened:
        return name, None
    return name, rest.removesuffix(")")


def _parser(directive: str, phase: str, name: str, word: Word) -> table.Parser:
    key = "track-sc" if name.startswith("track-sc") else name
    found = table.PARSERS.get(key)
    if found and phase in found[1]:
        return found[0]
    if name in course.REFUSED:
        raise Wrong(f"'{directive} {name}' is not carried out: {course.REFUSED[name]}", refused=True).at(word)
    if name.startswith("lua."):
        raise Wrong(f"'{directive} {name}' is not carried out: Lua is not run", refused=True).at(word)
    known = table.known(phase)
    close = nearest(name, known)
    message = f"'{directive}' expects {', '.join(repr(one) for one in known)}, but got '{name}'."
    if close:
        message += f" Did you mean '{close}' maybe ?"
    hint = f"it is an action of {', '.join(table.DIRECTIVES[one] for one in found[1])}" if found else ""
    raise Wrong(message, hint=hint or did_you_mean(name, known)).at(word)
