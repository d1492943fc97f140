"""Stick tables and live lists: what is remembered of clients, and what rules look texts up in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression


class KeyType(StrEnum):
    """What a table's keys are."""

    IP = "ip"
    IPV6 = "ipv6"
    INTEGER = "integer"
    STRING = "string"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Stored:
    """A counter of each entry: `name` such as `http_req_rate`, `period` ms of a rate, `count` of an array (0: none)."""

    name: str
    period: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A stick table: `length` of string and binary keys, `size` entries at most, forgotten after `expire` ms unused.

    `expire` 0: never. With `keep` a full table takes no new entries instead of forgetting the oldest. Servers that
    stick rules remember in it are told by their address and port where `by_address`, else by name.
    """

    name: str
    key: KeyType
    length: int
    size: int
    expire: int
    keep: bool
    stored: tuple[Stored, ...]
    position: str = ""
    by_address: bool = False


@dataclass(frozen=True, slots=True)
class StickRule:
    """`match`: look the key up before a server is chosen; `store`: remember the server under it.

    `answer`: the key is of the answer. `stick on` is one of each. `table` is a table's name.
    """

    match: bool
    store: bool
    answer: bool
    key: Expression
    table: str
    when: Expression | None
    position: str = ""


@dataclass(frozen=True, slots=True)
class LiveList:
    """Patterns (`values` empty texts) or a map, from a file or inline, changed at run time by name.

    `stamp` tells whether the file has changed: the entries in force are kept while it has not.
    """

    name: str
    entries: tuple[tuple[str, str], ...]
    is_map: bool
    stamp: str = ""
