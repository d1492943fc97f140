"""Commands on maps and lists of patterns (management manual, 9.3: `show map` to `commit acl`).

Owns what identifies a list, and versions in preparation: a new content is gathered here and put in force at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import INFO, Command, Said
from tenbin.model import Level
from tenbin.plan import wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tenbin.api.haproxy.command import Call
    from tenbin.model import LiveList

PREPARED = 1_000_000
"""Entries that one version in preparation may have."""


@dataclass(slots=True)
class _Prepared:
    """Versions in preparation of one list."""

    last: int = 0
    current: int = 0
    versions: dict[int, list[tuple[str, str]]] = field(default_factory=dict)


class Preparations:
    """Versions in preparation, by list; they live as long as the process."""

    def __init__(self) -> None:
        self._lists: dict[str, _Prepared] = {}

    def of(self, name: str) -> _Prepared:
        """Return those of one list."""
        return self._lists.setdefault(name, _Prepared())


_PREPARATIONS = Preparations()


@dataclass(frozen=True, slots=True)
class _Place:
    """Which list a command is about, which version of it (0: the one in force), and the words after its name."""

    spec: LiveList
    version: int
    rest: tuple[str, ...]

    @property
    def prepared(self) -> list[tuple[str, str]]:
        found = _PREPARATIONS.of(self.spec.name).versions.get(self.version)
        if found is None:
            raise Said("Version number out of range.\n")
        return found


def _place(call: Call) -> _Place:
    is_map = call.words[1] == "map"
    words = call.words[2:]
    version = 0
    if words and words[0].startswith("@"):
        if not words[0][1:].isdigit():
            raise Said("Invalid version number.\n")
        version, words = int(words[0][1:]), words[1:]
    kind = "map" if is_map else "ACL"
    if not words:
        raise Said(f"Missing {kind} identifier.\n")
    for number, spec in _lists(call, is_map=is_map):
        if words[0] in (spec.name, f"#{number}"):
            return _Place(spec, version, words[1:])
    raise Said(
        f"Unknown {kind} identifier. Please use #<id> or <{'file' if is_map else 'name'}>.\n".replace(
            "<name>", "<file>"
        )
    )


def _lists(call: Call, *, is_map: bool) -> Iterator[tuple[int, LiveList]]:
    config = call.runtime.state.config
    # Lists of users are maps to passwords, which nobody reads here.
    secret = {one.name for one in config.compat.userlists} if config.compat is not None else set()
    for number, spec in enumerate(config.lists):
        if spec.is_map is is_map and spec.name not in secret:
            yield number, spec


async def _ask(call: Call, place: _Place, action: str, **parts: object) -> wire.Entries:
    query = wire.ListQuery.model_validate({"name": place.spec.name, "action": action, **parts})
    return await call.runtime.ask_list(query)


async def show(call: Call) -> str:
    """`show map|acl [[@<version>] <list>]`."""
    is_map = call.words[1] == "map"
    if len(call.words) == 2:
        lines = ["# id (file) description"]
        for number, spec in _lists(call, is_map=is_map):
            held = await call.runtime.ask_list(wire.ListQuery(name=spec.name, action="count"))
            lines.append(_described(number, spec, held.count))
        return "".join(f"{line}\n" for line in lines)
    place = _place(call)
    if place.version:
        entries = [(number, *entry) for number, entry in enumerate(place.prepared, 1)]
    else:
        entries = list((await _ask(call, place, "show")).entries)
    return "".join(f"{number:#x} {key}{' ' + value if is_map else ''}\n" for number, key, value in entries)


def _described(number: int, spec: LiveList, count: int) -> str:
    versions = _PREPARATIONS.of(spec.name)
    kind = "map" if spec.is_map else "acl"
    file = spec.name if "/" in spec.name or "." in spec.name else ""
    origin = f"pattern loaded from file '{file}' used by {kind}" if file else kind
    return (
        f"{number} ({file}) {origin} at file '{spec.name}'. curr_ver={versions.current} next_ver={versions.last} "
        f"entry_cnt={count}"
    )


async def get(call: Call) -> str:
    """`get map|acl <list> <value>`: what a look-up of a text finds."""
    place = _place(call)
    is_map = call.words[1] == "map"
    if not place.rest:
        raise Said(f"This command expects two parameters: {'map' if is_map else 'ACL'} identifier and key.\n")
    entries = (await _ask(call, place, "show")).entries
    hit = next((entry for entry in entries if entry[1] == place.rest[0]), None)
    found = "found" if is_map else "match"
    if hit is None:
        raise Said(f"type=str, case=sensitive, {found}=no\n", INFO)
    if is_map:
        raise Said(
            f'type=str, case=sensitive, found=yes, idx=tree, key="{hit[1]}", value="{hit[2]}", type="str"\n', INFO
        )
    raise Said(f'type=str, case=sensitive, match=yes, idx=tree, pattern="{hit[1]}"\n', INFO)


async def add(call: Call) -> str:
    """`add map|acl [@<version>] <list> <key> [<value>]`, or keys and values as a payload."""
    is_map = call.words[1] == "map"
    complaint = (
        "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a "
        "payload\n"
        if is_map
        else "'add acl' expects two parameters: ACL identifier and pattern.\n"
    )
    if len(call.words) < 3:
        raise Said(complaint)
    place = _place(call)
    entries = list(_payload(call.payload, is_map=is_map)) if call.payload else []
    if not entries:
        if len(place.rest) < (2 if is_map else 1):
            raise Said(complaint)
        entries = [(place.rest[0], place.rest[1] if is_map else "")]
    if place.version:
        prepared = place.prepared
        if len(prepared) + len(entries) > PREPARED:
            raise Said("Out of memory error.\n")
        prepared.extend(entries)
        return ""
    for key, value in entries:
        await _ask(call, place, "add", key=key, value=value)
    return ""


def _payload(text: str, *, is_map: bool) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        words = line.strip().split(None, 1) if is_map else [line.strip()]
        if not words or not words[0]:
            continue
        if is_map and len(words) < 2:
            raise Said(f"Missing value for key '{words[0]}'\n")
        yield words[0], words[1] if is_map else ""


async def set_entry(call: Call) -> str:
    """`set map <map> <key>|#<id> <value>`."""
    if len(call.words) < 3:
        raise Said("'set map' expects three parameters: map identifier, key and value.\n")
    place = _place(call)
    if len(place.rest) < 2:
        raise Said("'set map' expects three parameters: map identifier, key and value.\n")
    if not (await _ask(call, place, "set", value=place.rest[1], **_which(place.rest[0]))).found:
        raise Said("entry not found.\n")
    return ""


async def delete(call: Call) -> str:
    """`del map|acl <list> <key>|#<id>`."""
    kind = "map" if call.words[1] == "map" else "ACL"
    if len(call.words) < 3:
        raise Said(f"This command expects two parameters: {kind} identifier and key.\n")
    place = _place(call)
    if not place.rest:
        raise Said(f"This command expects two parameters: {kind} identifier and key.\n")
    if not (await _ask(call, place, "del", **_which(place.rest[0]))).found:
        raise Said("Key not found.\n")
    return ""


def _which(text: str) -> dict[str, object]:
    """An entry by its number, as `show` writes it, or all with a key."""
    digits = text.removeprefix("#")
    if digits is not text and digits != text:
        try:
            return {"entry": int(digits, 16)}
        except ValueError:
            raise Said("Malformed identifier. Please use #<id> or <file>.\n") from None
    return {"key": text}


async def clear(call: Call) -> str:
    """`clear map|acl [@<version>] <list>`."""
    place = _place(call)
    if place.version:
        place.prepared.clear()
    else:
        await _ask(call, place, "clear")
    return ""


async def prepare(call: Call) -> str:
    """`prepare map|acl <list>`."""
    versions = _PREPARATIONS.of(_place(call).spec.name)
    versions.last += 1
    versions.versions[versions.last] = []
    # Whoever forgets to commit fills no memory for ever.
    for old in sorted(versions.versions)[:-8]:
        del versions.versions[old]
    raise Said(f"New version created: {versions.last}\n", INFO)


async def commit(call: Call) -> str:
    """`commit map|acl @<version> <list>`."""
    if not call.word(2).startswith("@"):
        raise Said("Missing version number.\n")
    place = _place(call)
    entries = place.prepared
    await _ask(call, place, "replace", entries=tuple(entries))
    versions = _PREPARATIONS.of(place.spec.name)
    versions.current = place.version
    for old in [number for number in versions.versions if number <= place.version]:
        del versions.versions[old]
    return ""


_ROWS: tuple[tuple[str, str, str, Callable[[Call], Awaitable[str]]], ...] = (
    ("show", "[@<ver>] [{0}]", "what {0}s there are, or what is in one", show),
    ("get", "<{0}> <value>", "what a look-up in a {0} finds", get),
    ("add", "[@<ver>] <{0}> <key> [<val>]", "add an entry to a {0}, or those of a payload", add),
    ("del", "<{0}> [<key>|#<ref>]", "remove an entry of a {0}", delete),
    ("clear", "[@<ver>] <{0}>", "remove all entries of a {0}", clear),
    ("prepare", "<{0}>", "begin a new version of a {0}", prepare),
    ("commit", "@<ver> <{0}>", "put a new version of a {0} in force", commit),
)
_LEVELS = {"show": Level.USER, "get": Level.USER}
COMMANDS = (
    *(
        Command(
            (verb, kind),
            f"{verb} {kind} {usage.format(kind)}",
            about.format(kind),
            _LEVELS.get(verb, Level.OPERATOR),
            run,
        )
        for kind in ("map", "acl")
        for verb, usage, about, run in _ROWS
    ),
    Command(
        ("set", "map"), "set map <map> [<key>|#<ref>] <value>", "change an entry of a map", Level.OPERATOR, set_entry
    ),
)
