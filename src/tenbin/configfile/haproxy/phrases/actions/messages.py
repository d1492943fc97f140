"""Actions that change a message: headers, target, method, status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import regex
from tenbin.configfile.haproxy.phrases.words import Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.rules import Act, Verb

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.phrases.actions.line import Line

_DELETIONS = ("str", "beg", "end", "sub", "reg")
_NORMALIZERS = {
    "fragment-encode": (),
    "fragment-strip": (),
    "path-merge-slashes": (),
    "path-strip-dot": (),
    "path-strip-dotdot": ("full",),
    "percent-decode-unreserved": ("strict",),
    "percent-to-uppercase": ("strict",),
    "query-sort-by-name": (),
}


def set_header(line: Line) -> Act:
    """`set-header`, `add-header`, `early-hint`: name and value."""
    verb = {"set-header": Verb.SET_HEADER, "add-header": Verb.ADD_HEADER, "early-hint": Verb.EARLY_HINT}[line.name]
    name = line.take("exactly 2 arguments")
    return Act(verb, name=_header(name), value=line.format("exactly 2 arguments"))


def del_header(line: Line) -> Act:
    """`del-header NAME [-m METHOD]`."""
    name = line.take("exactly 1 argument")
    method = "str"
    if line.phrase.skip("-m"):
        word = line.take("a matching method after -m")
        if word.text not in _DELETIONS:
            message = f"unknown header matching method '{word.text}'"
            raise Wrong(message, hint=did_you_mean(word.text, _DELETIONS)).at(word)
        method = word.text
    text = _regex(name) if method == "reg" else _header(name)
    return Act(Verb.DEL_HEADER, name=text, method=method)


def replace_header(line: Line) -> Act:
    """`replace-header` and `replace-value`: name, regular expression, template."""
    verb = Verb.REPLACE_HEADER if line.name == "replace-header" else Verb.REPLACE_VALUE
    usage = "exactly 3 arguments"
    name, pattern = line.take(usage), line.take(usage)
    template = line.take(usage)
    return Act(verb, name=_header(name), pattern=_whole(pattern), template=line.text(template))


def set_target(line: Line) -> Act:
    """`set-method`, `set-path`, `set-pathq`, `set-query`, `set-uri`."""
    return Act(Verb(line.name.replace("-", "_")), value=line.format("exactly 1 argument <format>"))


def replace_target(line: Line) -> Act:
    """`replace-path`, `replace-pathq`, `replace-uri`: regular expression, template."""
    usage = "exactly 2 arguments"
    pattern = line.take(usage)
    template = line.take(usage)
    return Act(Verb(line.name.replace("-", "_")), pattern=_whole(pattern), template=line.text(template))


def set_status(line: Line) -> Act:
    """`set-status CODE [reason TEXT]`."""
    word = line.take("1 or 3 arguments")
    if not word.text.isdigit() or not 100 <= int(word.text) <= 999:
        raise Wrong("expects an integer status code between 100 and 999").at(word)
    reason = line.take("the reason's text").text if line.phrase.skip("reason") else ""
    return Act(Verb.SET_STATUS, number=int(word.text), name=reason)


def normalize_uri(line: Line) -> Act:
    """`normalize-uri NORMALIZER [full|strict]`."""
    word = line.take(f"one of {', '.join(_NORMALIZERS)}")
    options = _NORMALIZERS.get(word.text)
    if options is None:
        message = f"unknown normalizer '{word.text}'"
        raise Wrong(message, hint=did_you_mean(word.text, _NORMALIZERS)).at(word)
    number = int(any(line.phrase.skip(option) for option in options))
    return Act(Verb.NORMALIZE_URI, name=word.text, number=number)


def set_address(line: Line) -> Act:
    """`set-src`, `set-dst` and their ports."""
    verb = {
        "set-src": Verb.SET_SOURCE,
        "set-src-port": Verb.SET_SOURCE_PORT,
        "set-dst": Verb.SET_DESTINATION,
        "set-dst-port": Verb.SET_DESTINATION_PORT,
    }[line.name]
    return Act(verb, value=line.sample("exactly 1 argument").expression)


def _whole(word: Word) -> str:
    """A pattern that takes all of the text that it is found in: what HAProxy replaces is never a part."""
    return rf"(?s)\A.*?(?:{_regex(word)}).*\z"


def _header(word: Word) -> str:
    if not word.text or any(char in word.text for char in ' \t\r\n:"'):
        raise Wrong(f"'{word.text}' cannot be the name of a header").at(word)
    return word.text


def _regex(word: Word) -> str:
    try:
        return regex.translate(word.text, "failed to parse the regex : regex")
    except Wrong as wrong:
        raise wrong.at(word) from None
