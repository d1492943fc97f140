"""Log format strings: `%ci:%cp %{+Q}r %[path,lower]`, as parts of a line or as a text expression.

Owns texts, aliases, flags, samples in brackets, names of parts. What an alias means is the data plane's: it is the
fact `log.ALIAS` of the vocabulary. Follows section 8.2.6 of HAProxy's configuration manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenbin.configfile.expression.known import known
from tenbin.configfile.haproxy.phrases import samples
from tenbin.configfile.haproxy.phrases.words import Place, Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import LogPart
from tenbin.model.expression import Concat, Const, Convert, Expression, Fetch

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.phrases.samples import Typed

_ALIAS = re.compile(r"[A-Za-z0-9]+")
_NAMED = re.compile(r"\(([^):]*)(?::([^)]*))?\)")
_FLAGS = re.compile(r"\{([^}]*)\}")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Flags:
    """How a value is written: in quotes, escaped, in hexadecimal."""

    quote: bool = False
    escape: bool = False
    hex: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A text, or a value with its flags; `name` is the key under which it stands in a structured line."""

    value: Expression
    kind: str
    flags: Flags = Flags()
    name: str = ""


def parts(place: Place, text: str) -> tuple[LogPart, ...]:
    """Read the format of a line; blanks that follow each other are one, as HAProxy has it."""
    return tuple(
        LogPart(
            _merged(piece.value),
            quote=piece.flags.quote and piece.kind != "text",
            escape=piece.flags.escape,
            hex=piece.flags.hex,
            key=piece.name if piece.flags.json else "",
        )
        for piece in pieces(place, text)
    )


def text_of(place: Place, text: str) -> Expression:
    """Read a format as one text: of a header, a path, a location."""
    found: list[Expression] = []
    for piece in pieces(place, text):
        if piece.flags.quote:
            found.extend((Const('"'), piece.value, Const('"')))
        else:
            found.append(piece.value)
    if not found:
        return Const("")
    if len(found) == 1 and isinstance(found[0], Const):
        return found[0]
    return Concat(tuple(found))


def written(found: Typed) -> Expression:
    """A sample as the text that HAProxy writes for it: truth values are `1` and `0`."""
    if found.kind == "bool" and "bool_text" in known().converters:
        return Convert("bool_text", found.expression)
    return found.expression


def pieces(place: Place, text: str) -> list[Piece]:
    """Split a format into its pieces."""
    reader = _Reader(place, text)
    return reader.read()


def _merged(value: Expression) -> Expression:
    text = value.value if isinstance(value, Const) else None
    return Const(_BLANKS.sub(" ", text)) if isinstance(text, str) else value


class _Reader:
    """The state while one format is read; `defaults` are the flags that `%{...}o` has set."""

    def __init__(self, place: Place, text: str) -> None:
        self._place = place
        self._text = text
        self._at = 0
        self._defaults = Flags()
        self._found: list[Piece] = []
        self._literal: list[str] = []

    def read(self) -> list[Piece]:
        text = self._text
        while self._at < len(text):
            sign = text.find("%", self._at)
            if sign < 0:
                break
            self._literal.append(text[self._at : sign])
            self._at = sign + 1
            if text[self._at : self._at + 1] == "%":
                self._literal.append("%")
                self._at += 1
            elif self._at >= len(text):
                raise Wrong("truncated line after '%'", start=sign, end=len(text))
            else:
                self._value(sign)
        self._literal.append(text[self._at :])
        self._flush()
        return self._found

    def _flush(self) -> None:
        literal = "".join(self._literal)
        self._literal.clear()
        if literal:
            self._found.append(Piece(Const(literal), "text", Flags(json=self._defaults.json)))

    def _value(self, sign: int) -> None:
        """Read what follows a percent sign."""
        text, name, flags = self._text, "", self._defaults
        if match := _NAMED.match(text, self._at):
            name, self._at = match[1], match.end()
        if match := _FLAGS.match(text, self._at):
            flags, self._at = _flags(match[1], flags), match.end()
        elif text[self._at : self._at + 1] == "{":
            raise Wrong("missing '}' in a log format", start=sign, end=len(text))
        if text[self._at : self._at + 1] == "[":
            self._sample(sign, flags, name)
            return
        match = _ALIAS.match(text, self._at)
        alias = match[0] if match else ""
        self._at = match.end() if match else self._at
        if alias == "o":
            self._defaults = flags
            return
        self._alias(sign, alias, flags, name)

    def _alias(self, sign: int, alias: str, flags: Flags, name: str) -> None:
        fetch = known().fetches.get(f"log.{alias}")
        if fetch is None or not alias:
            message = (
                f"no such format variable '{alias}'. If you wanted to emit the '%' character verbatim, "
                "you need to use '%%'"
            )
            aliases = [one[4:] for one in known().fetches if one.startswith("log.")]
            hint = did_you_mean(alias, aliases) if alias else ""
            raise Wrong(message, hint=hint, start=sign, end=max(self._at, sign + 1))
        self._flush()
        self._found.append(Piece(Fetch(fetch.name), fetch.kind, flags, name))

    def _sample(self, sign: int, flags: Flags, name: str) -> None:
        text = self._text
        start = self._at + 1
        try:
            found, end = samples.start_of(self._place, text, start)
        except Wrong as wrong:
            closing = text.find("]", start)
            inner = text[start : closing if closing >= 0 else len(text)]
            wrong.message = f"failed to parse sample expression <{inner}> : {wrong.message}"
            if not wrong.end:
                wrong.start, wrong.end = sign, closing + 1 if closing >= 0 else len(text)
            raise
        if text[end : end + 1] != "]":
            raise Wrong(f"missing ']' after '{text[start:end]}'", start=sign, end=len(text))
        self._flush()
        self._at = end + 1
        self._found.append(Piece(written(found), found.kind, flags, name))


def _flags(text: str, flags: Flags) -> Flags:
    for one in text.split(","):
        sign, name = one[:1] != "-", one.lstrip("+-").strip()
        if one[:1] not in "+-" and name != "json":
            # Without a sign HAProxy leaves a flag as it is.
            continue
        match name:
            case "Q":
                flags = replace(flags, quote=sign)
            case "E":
                flags = replace(flags, escape=sign)
            case "X":
                flags = replace(flags, hex=sign)
            case "json":
                flags = replace(flags, json=sign)
            case "cbor" | "bin":
                raise Wrong(f"the flag '{name}' of a log format is not known", hint="`json` is", refused=True)
            case _:
                pass
    return flags
