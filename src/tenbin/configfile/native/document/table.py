"""Stick tables: what is remembered of clients."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from tenbin.configfile.expression.counters import COUNTERS
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, as_list, not_empty, setting
from tenbin.configfile.native.document.types import Entries, Flag, Limit, words
from tenbin.configfile.problem import mistake
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.table import KeyType, Stored

_ARRAYS = ("gpc", "gpt")
_RATES = "gpc_rate"
_STORED = (*COUNTERS, "bytes_in_cnt", "bytes_out_cnt", "server_id", "server_key", "glitch_cnt", "glitch_rate")
"""`stick` keeps servers beside what is counted."""


def _stored(value: object) -> Stored:
    """A counter: `conn_cur`; with a period for a rate: `http_req_rate/10s`; with a number for several: `gpc*3`."""
    text = values.text(value)
    name, slash, period = text.partition("/")
    name, star, count = name.partition("*")
    if star:
        if name == _RATES and slash and count.isdigit() and 0 < int(count) <= 100:
            return Stored(name, period=values.duration(period).ms, count=int(count))
        if name not in _ARRAYS or not count.isdigit() or not 0 < int(count) <= 100:
            raise mistake("not several counters", expected="such as gpc*3")
        return Stored(name, count=int(count))
    if name not in _STORED:
        raise mistake("no table counts this", expected=f"one of {', '.join(_STORED)}", hint=did_you_mean(name, _STORED))
    if name.endswith("_rate"):
        if not slash:
            raise mistake("a rate has a period", hint=f"such as {name}/10s")
        return Stored(name, period=values.duration(period).ms)
    if slash:
        raise mistake("only a rate has a period", hint=f"write {name}")
    return Stored(name)


StoredCounter = Annotated[Stored, PlainValidator(_stored), WithJsonSchema({"type": "string"})]


class TableDocument(Document):
    """A table: entries by key, each with counters."""

    what: ClassVar[str] = "a table"
    elsewhere: ClassVar[dict[str, str]] = {
        "type": "it is `key`",
        "counters": "it is `store`",
        "timeout": "it is `expire`",
        "ttl": "it is `expire`",
        "entries": "it is `size`",
    }

    key: Annotated[str | None, *words("a kind of key", *(one.value for one in KeyType))] = setting(
        "What the keys are: `ip`, `ipv6` (and IPv4 within), `integer`, `string`, `binary`.", KeyType.IPV6.value
    )
    length: Entries = setting("The longest key of a table of texts, in bytes.", 64)
    size: Entries = setting("So many entries at most; the oldest makes room.", 100_000)
    expire: Limit = setting(
        "An entry is forgotten when nobody has asked for it for so long; 0s for never.", shown="10m"
    )
    nopurge: Flag = setting("A full table takes no new entries, instead of forgetting the oldest.", default=False)
    by_address: Flag = setting(
        "Servers that `sticky` remembers here are told by their address instead of their name.", default=False
    )
    store: Annotated[
        list[StoredCounter] | None,
        BeforeValidator(as_list, json_schema_input_type=StoredCounter | list[StoredCounter]),
        BeforeValidator(not_empty("counters")),
    ] = setting("What is counted: `conn_cur`, `http_req_rate/10s`, `gpc*3` ...")
