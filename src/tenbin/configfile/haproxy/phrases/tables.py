"""Stick tables and the rules that remember servers: `stick-table ...`, `stick on ...`.

Follows the sections on `stick-table` and `stick` of HAProxy's configuration manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import samples, units
from tenbin.configfile.haproxy.phrases.rules import conditional
from tenbin.configfile.haproxy.phrases.words import Phrase, Place, Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.table import KeyType, StickRule, Stored, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.lexer import Word

COUNTERS = (
    "server_id", "server_key", "gpt0", "gpc0", "gpc1", "conn_cnt", "conn_cur", "sess_cnt", "http_req_cnt",
    "http_err_cnt", "http_fail_cnt", "bytes_in_cnt", "bytes_out_cnt", "glitch_cnt",
)  # fmt: skip
"""Data types that count."""

RATES = (
    "gpc0_rate", "gpc1_rate", "conn_rate", "sess_rate", "http_req_rate", "http_err_rate", "http_fail_rate",
    "bytes_in_rate", "bytes_out_rate", "glitch_rate",
)  # fmt: skip
"""Data types that count within a period."""

ARRAYS = ("gpt", "gpc")
"""Data types that are several, `gpc(3)`, and with a period `gpc_rate(3,10s)`."""

_TYPES = {
    "ip": KeyType.IP,
    "ipv4": KeyType.IP,
    "ipv6": KeyType.IPV6,
    "integer": KeyType.INTEGER,
    "string": KeyType.STRING,
    "binary": KeyType.BINARY,
}
_KEYS = {KeyType.IP: "ip", KeyType.IPV6: "ip", KeyType.INTEGER: "int", KeyType.STRING: "str", KeyType.BINARY: "bin"}
_STORED = re.compile(r"([a-z0-9_]+)(?:\(([^)]*)\))?")
_PIECES = re.compile(r"[^,(]+(?:\([^)]*\))?")
_MOST = 100
_USAGE = {"gpt": "such as gpt(2)", "gpc": "such as gpc(2)", "gpc_rate": "such as gpc_rate(2,10s)"}


@dataclass(slots=True)
class _Draft:
    key: KeyType | None = None
    length: int = 0
    size: int = 0
    expire: int = 0
    keep: bool = False
    by_address: bool = False
    stored: list[Stored] = field(default_factory=list)


def table(place: Place, name: str, words: Sequence[Word]) -> Table:
    """Read the words after `stick-table`, or after `table NAME` of a peers section."""
    phrase, draft = Phrase(words), _Draft()
    while phrase.more:
        _option(place, phrase, phrase.take(""), draft)
    if draft.key is None:
        raise Wrong("stick-table: missing type").at(words[0])
    if not draft.size:
        raise Wrong("stick-table: missing size").at(words[0])
    names = {one.name for one in draft.stored}
    for array, single in (("gpt", "gpt0"), ("gpc", "gpc0"), ("gpc", "gpc1"), ("gpc_rate", "gpc0_rate")):
        if array in names and single in names:
            both = f"simultaneous usage of '{array}' and '{single}' in a same table is not permitted"
            raise Wrong(f"stick-table: {both} as '{array}' overrides '{single}'").at(words[0])
    stored = tuple(draft.stored)
    position = words[0].position
    return Table(
        name, draft.key, draft.length, draft.size, draft.expire, draft.keep, stored, position, draft.by_address
    )


def stick(place: Place, words: Sequence[Word]) -> StickRule:
    """Read the words after `stick`."""
    phrase = Phrase(words)
    kind = phrase.take("'stick' expects 'on', 'match', or 'store'").text
    if kind not in ("on", "match", "store-request", "store-response"):
        hint = did_you_mean(kind, ("on", "match", "store-request", "store-response"))
        raise phrase.wrong("'stick' expects 'on', 'match', or 'store'", hint=hint)
    answer = kind == "store-response"
    place.phase = "answer" if answer else "request"
    word = phrase.take("'stick': missing fetch method")
    place.word = word
    try:
        key = samples.whole(place, word.text)
    except Wrong as wrong:
        raise wrong.at(word, "'stick': ") from None
    name = place.scope.name
    if phrase.skip("table"):
        word = phrase.take("'stick': missing table name")
        name = word.text
    place.reading.wanted.append((word, "table", name))
    when = conditional(place, "stick", phrase)
    match, store = kind in ("on", "match"), kind != "match"
    return StickRule(match, store, answer, key.expression, name, when, words[0].position)


def key_fits(kind: str, key: KeyType) -> bool:
    """Whether a sample of that kind can be a key of a table."""
    return samples.castable(kind, frozenset((_KEYS[key],)))


def limits_fit(reading: Reading, scope: Scope) -> None:
    """Tell of tables that cannot hold what a limit counts; every table is known now."""
    for word, name, kind in scope.shared_limits:
        limit = scope.limits[name]
        table = reading.tables.get(limit.table)
        if table is None:
            continue
        wanted = "bytes_in_rate" if limit.is_up else "bytes_out_rate"
        of = f"stick-table '{table.name}'"
        if all(one.name != wanted for one in table.stored):
            message = f"{of} uses a data type incompatible with bwlim filter '{name}'. It must be '{wanted}'."
            reading.error(word, message, f"`store {wanted}(10s)` in its stick-table line")
        elif not key_fits(kind, table.key):
            reading.error(word, f"{of} uses a key type incompatible with bwlim filter '{name}'.")


def _option(place: Place, phrase: Phrase, word: Word, draft: _Draft) -> None:
    match word.text:
        case "type":
            _type(phrase, draft)
        case "size":
            draft.size = _number(phrase, units.size, "size")
        case "expire":
            draft.expire = _number(phrase, units.milliseconds, "expire")
        case "nopurge":
            draft.keep = True
        case "store":
            list_ = phrase.take("stick-table: missing argument for 'store'")
            while True:
                _store(list_, draft)
                if not list_.text.endswith(",") or not phrase.more:
                    break
                list_ = phrase.take("")
        case "peers":
            phrase.take("stick-table: missing argument for 'peers'")
        case _:
            _rare_option(place, phrase, word, draft)


def _rare_option(place: Place, phrase: Phrase, word: Word, draft: _Draft) -> None:
    match word.text:
        case "srvkey":
            key = phrase.take("stick-table: missing argument for 'srvkey'")
            if key.text not in ("name", "addr"):
                raise Wrong(f"stick-table: unknown srvkey '{key.text}'", hint="`name` or `addr`").at(key)
            draft.by_address = key.text == "addr"
        case "recv-only":
            place.reading.ignored(word, "a table takes part in no exchange between peers")
        case "write-to" | "brates-factor":
            raise Wrong(f"stick-table: '{word.text}' is not carried out", refused=True).at(word)
        case other:
            options = ("type", "size", "expire", "nopurge", "store", "peers", "srvkey")
            raise Wrong(f"stick-table: unknown argument '{other}'", hint=did_you_mean(other, options)).at(word)


def _type(phrase: Phrase, draft: _Draft) -> None:
    word = phrase.take("stick-table: missing argument for 'type'")
    key = _TYPES.get(word.text)
    if key is None:
        raise Wrong(f"stick-table: unknown type '{word.text}'", hint=did_you_mean(word.text, _TYPES)).at(word)
    draft.key = key
    draft.length = {KeyType.STRING: 32, KeyType.BINARY: 32}.get(key, 0)
    if phrase.skip("len"):
        length = phrase.take("stick-table: missing argument for 'len'")
        if not draft.length or not length.text.isdigit() or not int(length.text):
            raise Wrong(f"stick-table: invalid length '{length.text}'").at(length)
        draft.length = int(length.text)


def _number(phrase: Phrase, convert: Callable[[str], int], name: str) -> int:
    word = phrase.take(f"stick-table: missing argument for '{name}'")
    try:
        return convert(word.text)
    except Wrong as wrong:
        raise wrong.at(word, "stick-table: ") from None


def _store(word: Word, draft: _Draft) -> None:
    for piece in _PIECES.findall(word.text):
        match = _STORED.fullmatch(piece)
        if not match:
            raise Wrong(f"stick-table: unknown store option '{piece}'").at(word)
        draft.stored.append(_stored(word, match[1], match[2]))


def _stored(word: Word, name: str, argument: str | None) -> Stored:
    given = (argument or "").split(",")
    array = len(given) == 1 + (name == "gpc_rate") and given[0].isdigit() and 0 < int(given[0]) <= _MOST
    if name in RATES and argument:
        return Stored(name, period=_period(word, given[0]))
    if name in COUNTERS and not argument:
        return Stored(name)
    if name in ARRAYS and array:
        return Stored(name, count=int(given[0]))
    if name == "gpc_rate" and array:
        return Stored(name, period=_period(word, given[1]), count=int(given[0]))
    if name in COUNTERS:
        raise Wrong(f"stick-table: unexpected argument to store option '{name}'").at(word)
    if name in (*RATES, *ARRAYS, "gpc_rate"):
        raise Wrong(f"stick-table: missing argument to store option '{name}'", hint=_USAGE.get(name, "such as 10s")).at(
            word
        )
    hint = did_you_mean(name, (*COUNTERS, *RATES, *ARRAYS, "gpc_rate"))
    raise Wrong(f"stick-table: unknown store option '{name}'", hint=hint).at(word)


def _period(word: Word, text: str) -> int:
    try:
        return units.milliseconds(text)
    except Wrong as wrong:
        raise wrong.at(word, "stick-table: ") from None
