"""Samples: a fetch and the converters that follow it, `src,ipmask(24),map_ip(nets.map,none)`.

Owns names, types and the casts between them; their arguments are in `arguments`, files of maps in `lists`. Follows
sections 7.1.3 and 7.3 of HAProxy's configuration manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.expression.known import KnownConverter, KnownFetch, Parameter, known
from tenbin.configfile.haproxy.phrases import aliases, arguments, lists, sources, variables
from tenbin.configfile.haproxy.phrases.words import Place, Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.expression import All, Const, Convert, Expression, Fetch, Not

if TYPE_CHECKING:
    from tenbin.model.expression import Scalar

CASTS = {
    "any": frozenset(("any", "bool", "int", "ip", "str", "bin")),
    "bool": frozenset(("any", "bool", "int", "str")),
    "int": frozenset(("any", "bool", "int", "ip", "str")),
    "ip": frozenset(("any", "int", "ip", "str", "bin")),
    "str": frozenset(("any", "bool", "int", "ip", "str", "bin")),
    "bin": frozenset(("any", "str", "bin")),
}
"""What a value of each kind can be used as."""

_NAME = re.compile(r"[\w.:+-]+", re.ASCII)
_PHASES = {"answer_content": "answer", "after": "answer"}
_SAME_KIND = frozenset(("set-var", "unset-var", "debug"))
_PLAIN = {"bin": "str"}
_HEADERS = frozenset(("req.hdr", "req.fhdr", "res.hdr", "res.fhdr"))


@dataclass(frozen=True, slots=True)
class Typed:
    """A sample: what it yields, and the name that messages call it by. `converted`: converters were applied."""

    expression: Expression
    kind: str
    name: str
    converted: bool = False


def whole(place: Place, text: str) -> Typed:
    """Read a sample that fills a word."""
    found, end = start_of(place, text)
    if end < len(text):
        raise Wrong(f"missing comma after '{text[:end]}'", start=end, end=len(text))
    return found


def start_of(place: Place, text: str, start: int = 0, *, acl: bool = False) -> tuple[Typed, int]:
    """Read the sample that begins at `start`; return it and where it ends. `acl`: names are those of ACLs."""
    match = _NAME.match(text, start)
    if not match:
        raise Wrong("missing fetch method", start=start, end=len(text))
    name, at = match[0], match.end()
    given, at = arguments.split(text, at) if text[at : at + 1] == "(" else ([], at)
    return _chain(place, _fetch(place, name, given, acl=acl), text, at)


def further(place: Place, found: Typed, text: str) -> Typed:
    """Apply the converters that a word of their own names."""
    found, end = _chain(place, found, f",{text}", 0)
    if end <= len(text):
        raise Wrong(f"missing comma after '{text[: end - 1]}'", start=end - 1, end=len(text))
    return found


def castable(kind: str, wanted: frozenset[str]) -> bool:
    """Whether a value of that kind can be used as one of these."""
    return bool(CASTS.get(kind, CASTS["any"]) & wanted) or "any" in wanted


def _chain(place: Place, found: Typed, text: str, at: int) -> tuple[Typed, int]:
    """Apply the converters that follow at an offset; return where they end."""
    while text[at : at + 1] == ",":
        while text[at : at + 1] == ",":
            at += 1
        match = _NAME.match(text, at)
        if not match:
            raise Wrong("unknown converter ''", start=at - 1, end=at)
        name, at = match[0], match.end()
        given, at = arguments.split(text, at) if text[at : at + 1] == "(" else ([], at)
        converted = _convert(place, found, name, given)
        found = Typed(converted.expression, converted.kind, found.name, converted=True)
    return found, at


def _fetch(place: Place, name: str, given: list[str], *, acl: bool) -> Typed:
    special = _constant(place, name, given)
    if special:
        return special
    real, before = _resolve(place, name, acl=acl)
    about = known().fetches.get(real)
    if about is None or aliases.FOREIGN.fullmatch(name):
        names = [*known().fetches, *aliases.SAME]
        hint = did_you_mean(name, [one for one in names if not aliases.FOREIGN.fullmatch(one)])
        raise Wrong(f"unknown fetch method '{name}'", hint=hint, end=0)
    args = _arguments(place, about, name, [*before, *given])
    _available(place, about, name)
    if about.empty and place.word is not None:
        place.reading.approximated(place.word, f"nobody can tell '{name}' here: it is always empty")
    _refer(place, real, args)
    if real == "var":
        variables.check(str(args[0]) if args else "")
    if real in _HEADERS and args and isinstance(args[0], str):
        args = (args[0].lower(), *args[1:])
    return Typed(Fetch(real, args), "any" if real == "var" else about.kind, name)


def _resolve(place: Place, name: str, *, acl: bool) -> tuple[str, list[str]]:
    """The vocabulary's name of a fetch, and arguments that are part of HAProxy's name for it."""
    if place.of_answer and not acl and name in aliases.OF_ANSWER:
        return aliases.OF_ANSWER[name], []
    tracked = aliases.TRACKED.fullmatch(name)
    if tracked and f"sc_{tracked[2]}" in known().fetches:
        return f"sc_{tracked[2]}", [tracked[1]]
    name = aliases.SAME.get(name, name)
    if name not in known().fetches:
        name = aliases.NATIVE.get(name, name)
    return name, []


def _arguments(place: Place, about: KnownFetch, name: str, given: list[str]) -> tuple[Scalar, ...]:
    wanted = about.args
    own = aliases.OWN_TABLE.fullmatch(about.name) or about.name in aliases.OWN_PROXY
    if own and len(given) == len(wanted) - 1:
        given = [*given, place.scope.name]
    args = list(arguments.convert(f"fetch method '{name}'", given, wanted))
    while args and args[-1] is None:
        args.pop()
    return tuple(args)


def _available(place: Place, about: KnownFetch, name: str) -> None:
    if place.phase == sources.NOWHERE:
        _needs_nothing(about, name)
        return
    phase = _PHASES.get(place.phase, place.phase)
    forgotten = place.of_answer and aliases.OF_REQUEST.fullmatch(about.name)
    if not phase or (phase in about.phases and not forgotten):
        return
    message = f"sample fetch <{name}> may not be reliably used here because it needs what is not available here"
    raise Wrong(message, hint=f"it is known in: {', '.join(sorted(about.phases))}")


def _needs_nothing(about: KnownFetch, name: str) -> None:
    needed = sources.source(about.name)
    if needed:
        message = f"fetch method '{name}' extracts information from '{needed}', none of which is available here"
        raise Wrong(message, hint="a variable of the process is set while there is no connection and no request")


def _constant(place: Place, name: str, given: list[str]) -> Typed | None:
    """What is known while the configuration is read."""
    owner = f"fetch method '{name}'"
    match name:
        case "always_true" | "always_false":
            return Typed(Const(name == "always_true"), "bool", name)
        case "str" | "meth":
            (text,) = arguments.convert(owner, given or [""], (_TEXT,))
            return Typed(Const(text), "str", name)
        case "int":
            (number,) = arguments.convert(owner, given, (_INTEGER,))
            return Typed(Const(number), "int", name)
        case "bool":
            (text,) = arguments.convert(owner, given, (_TEXT,))
            return Typed(Const(str(text) not in ("0", "false")), "bool", name)
        case "env":
            (text,) = arguments.convert(owner, given, (_TEXT,))
            return Typed(Const(place.reading.environment.get(str(text))), "str", name)
        case "acl":
            return Typed(All(tuple(_acl(place, one) for one in given)), "bool", name)
    return None


def _acl(place: Place, name: str) -> Expression:
    from tenbin.configfile.haproxy.phrases import acls

    found = acls.named(place, name.lstrip("!"))
    return Not(found) if name.startswith("!") else found


def _convert(place: Place, found: Typed, name: str, given: list[str]) -> Typed:
    about = known().converters.get(aliases.CONVERTERS.get(name, name))
    if about is None or name in aliases.FOREIGN_CONVERTERS:
        names = known().converters.keys() - aliases.FOREIGN_CONVERTERS
        raise Wrong(f"unknown converter '{name}'", hint=did_you_mean(name, sorted(names)))
    if not castable(found.kind, about.input):
        raise Wrong(f"converter '{name}' cannot be applied")
    args = _converter_arguments(place, about, name, given)
    kind = found.kind if name in _SAME_KIND else about.kind
    value = found.expression
    if "str" in about.input and _PLAIN.get(found.kind, found.kind) not in about.input:
        value = Convert("str", value)
    return Typed(Convert(about.name, value, args), kind, found.name)


def _converter_arguments(place: Place, about: KnownConverter, name: str, given: list[str]) -> tuple[Scalar, ...]:
    owner = f"invalid arg in converter '{name}'"
    if aliases.OWN_TABLE_CHANGED.fullmatch(name) and len(given) == len(about.args) - 1:
        given = [*given, place.scope.name]
    args = list(arguments.convert(owner, given, about.args))
    while args and args[-1] is None:
        args.pop()
    _refer(place, name, tuple(args))
    if about.args and about.args[0].kind == "map":
        args[0] = lists.from_file(place, str(args[0]), is_map=True)
    elif name in ("set-var", "unset-var"):
        variables.check(str(args[0]))
        for condition in args[1:]:
            variables.check_condition(str(condition))
    return tuple(args)


def _refer(place: Place, name: str, args: tuple[Scalar, ...]) -> None:
    """Note what the last argument names, so that it can be looked for when all has been read."""
    kind = next((kind for names, kind in aliases.REFERENCES if names.fullmatch(name)), "")
    if kind and place.word is not None and args and isinstance(args[-1], str) and args[-1]:
        place.reading.wanted.append((place.word, kind, args[-1]))


_TEXT = Parameter("text", optional=False)
_INTEGER = Parameter("int", optional=False)
