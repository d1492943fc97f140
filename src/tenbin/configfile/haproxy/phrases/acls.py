"""ACLs: named and anonymous ones, their flags, and those that HAProxy has predefined.

Owns what becomes of an ACL: an expression tree, put in wherever its name is asked for. Patterns are in `patterns`.
Follows section 7.1 of HAProxy's configuration manual, predefined ones section 7.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import aliases, lists, patterns, samples
from tenbin.configfile.haproxy.phrases.words import Phrase, Place, Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.expression import Any, Const, Convert, Expression, Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.phrases.samples import Typed

PREDEFINED = {
    "FALSE": "always_false",
    "HTTP": "req.proto_http",
    "HTTP_1.0": "req.ver 1.0",
    "HTTP_1.1": "req.ver 1.1",
    "HTTP_2.0": "req.ver 2.0",
    "HTTP_3.0": "req.ver 3.0",
    "HTTP_CONTENT": "req.hdr_val(content-length) gt 0",
    "HTTP_URL_ABS": "url_reg ^[^/:]*://",
    "HTTP_URL_SLASH": "url_beg /",
    "HTTP_URL_STAR": "url *",
    "LOCALHOST": "src 127.0.0.1/8 ::1",
    "METH_CONNECT": "method CONNECT",
    "METH_DELETE": "method DELETE",
    "METH_GET": "method GET HEAD",
    "METH_HEAD": "method HEAD",
    "METH_OPTIONS": "method OPTIONS",
    "METH_POST": "method POST",
    "METH_PUT": "method PUT",
    "METH_TRACE": "method TRACE",
    "RDP_COOKIE": "req.rdp_cookie_cnt gt 0",
    "REQ_CONTENT": "req.len gt 0",
    "TRUE": "always_true",
    "WAIT_END": "wait_end",
}
"""ACLs that need no declaration."""

_VALID = re.compile(r"[A-Za-z0-9_.:-]+")
_RESERVED = ("or",)


def declare(place: Place, words: Sequence[Word]) -> None:
    """Declare an ACL of the scope, or add to the one of that name."""
    name = words[0].text
    if not _VALID.fullmatch(name):
        bad = next(char for char in name if not _VALID.fullmatch(char))
        raise Wrong(f"character '{bad}' is not permitted in acl name '{name}'").at(words[0])
    if name in _RESERVED:
        message = f"acl name '{name}' will never match. 'or' is used to express a disjunctive condition"
        raise Wrong(message).at(words[0])
    if len(words) < 2:
        raise Wrong("missing fetch method in ACL expression").at(words[0])
    found = expression(place, words[1:])
    known = place.scope.acls.get(name)
    place.scope.acls[name] = _either(known, found) if known is not None else found


def named(place: Place, name: str) -> Expression:
    """Return what an ACL stands for: of the scope, of its defaults, or predefined."""
    scope = place.scope
    names: list[str] = []
    while scope is not None:
        if name in scope.acls:
            return scope.acls[name]
        names.extend(scope.acls)
        if scope.parent is None:
            break
        scope = scope.parent
    if name in PREDEFINED:
        return _predefined(place, name)
    raise Wrong(f"no such ACL : '{name}'", hint=did_you_mean(name, [*names, *PREDEFINED]))


def expression(place: Place, words: Sequence[Word]) -> Expression:
    """Read a sample with its flags and patterns, without the ACL's name or braces."""
    phrase = Phrase(words)
    word = phrase.take("missing fetch method in ACL expression")
    place.word = word
    try:
        found, method = _subject(place, word.text)
    except Wrong as wrong:
        wrong.message = f"{wrong.message} in ACL expression '{word.text}'"
        raise wrong.at(word) from None
    flags = _flags(place, phrase, found, method)
    if not flags.method:
        raise _without_method(found).at(word)
    return _match(place, word, found, flags, phrase.rest())


@dataclass(slots=True)
class _Flags:
    """What stands between an ACL's sample and its patterns."""

    method: str
    ignore_case: bool = False
    is_map: bool = False
    explicit: bool = False
    number: str = ""
    files: list[str] = field(default_factory=list)


def _subject(place: Place, text: str) -> tuple[Typed, str]:
    """The sample of an ACL, and its match method, "" where its kind has none."""
    name = re.match(r"[\w.:+-]*", text, re.ASCII)
    keyword = name[0] if name else ""
    fetch, method = aliases.keyword(keyword)
    found, end = samples.start_of(_anywhere(place), fetch + text[len(keyword) :], acl=True)
    if end + len(keyword) - len(fetch) < len(text):
        raise Wrong("missing comma after fetch keyword")
    if not method or found.converted:
        method = patterns.DEFAULT.get(found.kind, "")
    return found, method


def _anywhere(place: Place) -> Place:
    """An ACL may ask for what is not known here; then it does not match."""
    return Place(place.reading, place.scope, "", place.word)


def _flags(place: Place, phrase: Phrase, found: Typed, method: str) -> _Flags:
    flags = _Flags(method)
    while phrase.peek().startswith("-"):
        flag = phrase.take("").text
        match flag:
            case "-i":
                flags.ignore_case = True
            case "-n":
                pass
            case "-M":
                flags.is_map = True
            case "-u":
                number = phrase.take("missing number after -u")
                if not number.text.isdigit():
                    raise phrase.wrong("the argument of -u must be an integer")
                flags.number = number.text
            case "-m":
                _method(phrase, flags, found)
            case "-f":
                _file(place, phrase, flags, found)
            case "--":
                flags.explicit = True
                break
            case _:
                message = f"'{flag}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
                raise phrase.wrong(message)
    return flags


def _method(phrase: Phrase, flags: _Flags, found: Typed) -> None:
    if flags.files:
        raise phrase.wrong("'-m' must only be specified before patterns and files in parsing ACL expression")
    method = phrase.take("missing matching method after -m").text
    if method not in patterns.METHODS:
        hint = did_you_mean(method, patterns.METHODS)
        raise phrase.wrong(f"unknown matching method '{method}' when parsing ACL expression", hint=hint)
    wanted = patterns.TAKES.get(method, "str")
    if method != "found" and not samples.castable(found.kind, frozenset((wanted,))):
        raise phrase.wrong(f"matching method '{method}' cannot be used with fetch keyword '{found.name}'")
    flags.method = method


def _file(place: Place, phrase: Phrase, flags: _Flags, found: Typed) -> None:
    name = phrase.take("missing file name after -f")
    if not flags.method:
        raise _without_method(found).at(name)
    try:
        flags.files.append(lists.from_file(place, name.text, is_map=flags.is_map))
    except Wrong as wrong:
        raise wrong.at(name) from None


def _match(place: Place, word: Word, found: Typed, flags: _Flags, words: Sequence[Word]) -> Expression:
    method = "int" if flags.method == "ver" else patterns.METHODS[flags.method]
    if flags.method == "bool" and found.kind == "bool":
        return found.expression
    if flags.method in patterns.WITHOUT:
        return Match(method, found.expression, (), each=True)
    texts = patterns.read(flags.method, words)
    if not texts and not flags.files:
        if not flags.explicit and not flags.number:
            message = f"acl keyword '{word.text}' : no pattern to match against were provided, so it will never match"
            hint = "use `-m found` to match only for existence, or `--` if this is meant"
            place.reading.warning(word, message, hint)
        return Const(value=False)
    named_lists = list(flags.files)
    if flags.number:
        named_lists.append(lists.inline(place, f"#{flags.number}", texts))
        texts = ()
    value = found.expression
    if patterns.TAKES.get(flags.method, "str") == "str" and found.kind in ("int", "ip", "bool"):
        value = Convert("bool_text" if found.kind == "bool" else "str", value)
    return Match(method, value, texts, flags.ignore_case, tuple(named_lists), each=True)


def _without_method(found: Typed) -> Wrong:
    when = f"when using a sample fetch of this type ('{found.name}')"
    return Wrong(f"matching method must be specified first (using '-m') {when}", hint="such as `-m str`")


def _either(known: Expression, found: Expression) -> Expression:
    return Any((*(known.of if isinstance(known, Any) else (known,)), found))


def _predefined(place: Place, name: str) -> Expression:
    from tenbin.configfile.haproxy.lexer import split

    line = split(PREDEFINED[name], "", 0, {})
    return expression(Place(place.reading, place.scope), line.words)
