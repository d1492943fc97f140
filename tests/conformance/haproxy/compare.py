"""Fields of two accounts by name, and which of them differ.

A field's name says where it is: `step 3 header x-a`, `origin 2 line`, `log 1`, `stat web/FRONTEND ereq`.
Not compared anywhere: the date, timers that ran, ports and paths, the identity of processes, and the
bytes in lines of logs and statistics, where HAProxy counts its own form of a head (see differences.md).
"""

from __future__ import annotations

import gzip
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conformance.haproxy.case import Case
    from conformance.haproxy.messages import Message
    from conformance.haproxy.sides import Account

_UNCOMPARED = {"date"}
_MASKS = (
    (re.compile(r"^<(\d+)>(?:1 )?[A-Z0-9][\w:. +T-]*? (?=[\w{}/-]+\[)"), r"<\1>"),
    (re.compile(r"^(<\d+>)[^ ]*\[\d+\]:"), r"\1"),
    (re.compile(r"\[\d\d/\w{3}/\d{4}:[\d:.]+\]"), "[DATE]"),
)
_IDENTITIES = (
    (re.compile(r"0x[0-9a-f]+"), "0x"),
    (re.compile(r"\bexp=\d+"), "exp=N"),
)
_BYTES = re.compile(r"(?<= \d{3} )\+?\d+(?= )")
_TIMERS = re.compile(r"(?<=[ ])\+?-?\d+(?:/\+?-?\d+){1,4}(?= )")


def differences(case: Case, theirs: Account, ours: Account) -> list[str]:
    """Return the fields that differ and are not excepted, and the exceptions that nothing needed."""
    left, right = dict(_fields(case, theirs)), dict(_fields(case, ours))
    found, used = [], set()
    for name in dict.fromkeys([*left, *right]):
        if left.get(name) == right.get(name) or _lacks(name, left, right):
            continue
        excepted = [one for one in case.excepted if fnmatchcase(name, one.name)]
        used.update(excepted)
        if not excepted:
            found.append(f"{name}\n    haproxy: {left.get(name)!r}\n    tenbin:  {right.get(name)!r}")
    found += [
        f"nothing differs any more in: {one.name}" for one in case.excepted if one not in used and not one.is_race
    ]
    return found


def _lacks(name: str, left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    """Whether a message that only one side has is told by another of its fields already."""
    first = re.match(r"(step [\d.]+|origin \d+) (?!status|line|end|text|tls)", name)
    if not first:
        return False
    names = (f"{first[1]} status", f"{first[1]} line")
    return any((one in left) != (one in right) for one in names)


def _fields(case: Case, account: Account) -> Iterator[tuple[str, str]]:
    tell = _Names(account.names)
    masks = [(re.compile(mask), r"\1~") for mask in case.masks if mask.startswith("(")]
    for number, (step, outcome) in enumerate(zip(case.steps, account.outcomes, strict=True), 1):
        yield f"step {number} end", f"{step} -> {outcome.end}"
        yield f"step {number} tls", outcome.tls
        yield f"step {number} text", _without(tell(_nameless(outcome.text, _IDENTITIES)), masks)
        for index, message in enumerate(outcome.messages):
            where = f"step {number}" if not index else f"step {number}.{index + 1}"
            version, _, rest = message.line.partition(" ")
            yield f"{where} version", version
            yield f"{where} status", rest
            yield f"{where} interim", repr(message.interim)
            yield from _message(where, message, tell)
    for number, seen in enumerate(account.seen, 1):
        yield f"origin {number} server", seen.server
        yield f"origin {number} over", tell(seen.over)
        yield f"origin {number} line", tell(seen.message.line)
        yield from _message(f"origin {number}", seen.message, tell)
    yield from _lines(case, account, tell)
    yield from _stat(case, account)


def _message(where: str, message: Message, tell: _Names) -> Iterator[tuple[str, str]]:
    names = [name for name, _ in message.fields]
    for name in dict.fromkeys(names):
        if name not in _UNCOMPARED:
            yield f"{where} header {name}", tell(" | ".join(value for key, value in message.fields if key == name))
    yield f"{where} body", tell(_inflated(message).decode("latin-1"))
    yield f"{where} body's end", message.end


def _inflated(message: Message) -> bytes:
    """Two libraries compress the same text otherwise."""
    if ("content-encoding", "gzip") not in message.fields:
        return message.body
    try:
        return gzip.decompress(message.body)
    except (OSError, EOFError):
        return message.body


def _lines(case: Case, account: Account, tell: _Names) -> Iterator[tuple[str, str]]:
    masks = [re.compile(mask) for mask in case.masks]
    lines = [_masked(tell(_nameless(line, _MASKS)), masks) for line in account.lines]
    yield "log lines", str(len(lines))
    for number, line in enumerate(lines, 1):
        yield f"log {number}", line


def _nameless(text: str, masks: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Before ports are named: a time or a process may have the number of one."""
    for pattern, put in masks:
        text = pattern.sub(put, text)
    return text


def _without(text: str, masks: Sequence[tuple[re.Pattern[str], str]]) -> str:
    """Entries of tables come in no order: those lines are sorted."""
    for pattern, put in masks:
        text = pattern.sub(put, text)
    lines = text.split("\n")
    entries = iter(sorted(line for line in lines if line.startswith("0x:")))
    return "\n".join(next(entries) if line.startswith("0x:") else line for line in lines)


def _masked(line: str, masks: Sequence[re.Pattern[str]]) -> str:
    line = _TIMERS.sub(lambda found: re.sub(r"(?<![-\d])\d+", "N", found[0]), line, count=1)
    line = _BYTES.sub("B", line, count=1)
    for mask in masks:
        line = mask.sub("~", line)
    return line


def _stat(case: Case, account: Account) -> Iterator[tuple[str, str]]:
    for line in case.stat:
        row, *columns = line.split()
        proxy, _, name = row.partition("/")
        values = account.stat.get((proxy, name), {})
        for column in columns:
            yield f"stat {row} {column}", values.get(column, "no such row")


class _Names:
    """Writes ports and paths of a side as the case calls them."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        known = sorted(map(re.escape, names), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\d)(?:{'|'.join(known)})(?!\d)")

    def __call__(self, text: str) -> str:
        return self._pattern.sub(lambda found: self._names[found[0]], text)
