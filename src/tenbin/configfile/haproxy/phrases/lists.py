"""Files of patterns and maps, which become live lists: one list a file, by the name that the configuration calls it.

Owns which list a name stands for; the files' grammar is that of `expression.listfile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.expression import listfile
from tenbin.configfile.haproxy.phrases.words import Wrong
from tenbin.model import LiveList

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.phrases.words import Place


def from_file(place: Place, name: str, *, is_map: bool) -> str:
    """Read a file once, and return the name of its list."""
    reading = place.reading
    if not name:
        raise Wrong("an empty file name")
    known = reading.lists.get(name)
    if known is not None and known.is_map == is_map and known.stamp:
        return name
    try:
        content = reading.read_file(name)
    except OSError as error:
        raise Wrong(f"failed to open pattern file <{name}>", hint=(error.strerror or "").lower()) from None
    text = content.data.decode("utf-8", "replace")
    entries = listfile.entries(text, is_map=is_map)
    if known is not None and known.is_map != is_map:
        raise Wrong(
            f"The pattern file <{name}> is used both as a map and as a list of patterns",
            hint="give the list of patterns a file of its own, or add -M to the ACL",
            refused=True,
        )
    reading.lists[name] = LiveList(name, entries, is_map, content.stamp)
    return name


def changed(place: Place, name: str, *, is_map: bool) -> str:
    """Return the name of a list that a rule changes; its file needs not exist."""
    if name not in place.reading.lists:
        try:
            return from_file(place, name, is_map=is_map)
        except Wrong:
            place.reading.lists[name] = LiveList(name, (), is_map)
    return name


def inline(place: Place, name: str, patterns: tuple[str, ...]) -> str:
    """Make a list of patterns that the configuration gives a number, so that the runtime API can name it."""
    known = place.reading.lists.get(name)
    if known is not None:
        raise Wrong("the id is already used")
    place.reading.lists[name] = LiveList(name, tuple((one, "") for one in patterns), is_map=False)
    return name
