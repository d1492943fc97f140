"""What rules do beyond headers and answers, as acts of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.context import given
from tenbin.model.rules import Act, Verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from tenbin.configfile.expression import Compiled
    from tenbin.configfile.native.document.acts import CountDocument, EntryDocument, TagDocument, WaitDocument
    from tenbin.configfile.native.resolve.memory import Memory
    from tenbin.configfile.native.tree import Path
    from tenbin.model.expression import Expression

    Expressed = Callable[[Compiled, Path], Expression]

VALUES = {
    "set_path": Verb.SET_PATH,
    "set_query": Verb.SET_QUERY,
    "set_url": Verb.SET_PATHQ,
    "set_uri": Verb.SET_URI,
    "set_method": Verb.SET_METHOD,
    "set_source": Verb.SET_SOURCE,
    "set_source_port": Verb.SET_SOURCE_PORT,
    "set_destination": Verb.SET_DESTINATION,
    "set_destination_port": Verb.SET_DESTINATION_PORT,
    "set_retries": Verb.SET_RETRIES,
    "priority_class": Verb.SET_PRIORITY_CLASS,
    "priority_offset": Verb.SET_PRIORITY_OFFSET,
}
"""Acts that take one expression."""
PATTERNS = {
    "replace_path": Verb.REPLACE_PATH,
    "replace_url": Verb.REPLACE_PATHQ,
    "replace_uri": Verb.REPLACE_URI,
}
"""Acts that change the target by a pattern."""
NAMED = {
    "set_header": Verb.SET_HEADER,
    "add_header": Verb.ADD_HEADER,
    "early_hint": Verb.EARLY_HINT,
    "set_variable": Verb.SET_VAR,
    "set_variable_text": Verb.SET_VAR,
    "set_timeout": Verb.SET_TIMEOUT,
}
"""Acts that take names and an expression for each."""
_LISTS = {"remove_from_map": Verb.DEL_MAP, "add_to_list": Verb.ADD_ACL, "remove_from_list": Verb.DEL_ACL}


def others(name: str, value: Any, path: Path, expressed: Expressed, memory: Memory) -> Iterator[Act]:
    """Resolve an act that stands at `path`; nothing for one that is not known here."""
    match name:
        case "unset_variable":
            yield from (Act(Verb.UNSET_VAR, name=one) for one in value)
        case "remove_headers":
            yield from (Act(Verb.DEL_HEADER, name=text, method=way) for way, text in value.items())
        case "wait_for_body":
            yield _wait(value)
        case "normalize":
            yield Act(Verb.NORMALIZE_URI, name=given(value.by), number=int(value.full or value.strict))
        case "disable_retry":
            yield Act(Verb.DISABLE_RETRY)
        case "count":
            yield _count(value, path, expressed)
        case "tag":
            yield _tag(value, path, expressed)
        case "remove_from_map" | "add_to_list" | "remove_from_list":
            yield _entry(_LISTS[name], value, path, expressed, memory)


def _wait(document: WaitDocument) -> Act:
    return Act(Verb.WAIT_BODY, number=given(document.time).ms, index=given(document.at_least))


def _count(document: CountDocument, path: Path, expressed: Expressed) -> Act:
    name = "" if document.counter == "gpc" else given(document.counter)
    index = int(name[-1]) if name else given(document.index)
    slot = given(document.slot)
    if document.by is None:
        return Act(Verb.INC_GPC, number=slot, index=index, name=name)
    return Act(Verb.ADD_GPC, number=slot, index=index, name=name, value=expressed(document.by, (*path, "by")))


def _tag(document: TagDocument, path: Path, expressed: Expressed) -> Act:
    name = "" if document.counter == "gpt" else given(document.counter)
    value = expressed(given(document.value), (*path, "value"))
    return Act(Verb.SET_GPT, number=given(document.slot), index=given(document.index), name=name, value=value)


def _entry(verb: Verb, document: EntryDocument, path: Path, expressed: Expressed, memory: Memory) -> Act:
    name = given(document.list)
    error = memory.list_of(name, is_map=verb is Verb.DEL_MAP)
    if error:
        memory.context.error((*path, "list"), f"the file cannot be read: {error}")
    return Act(verb, name=name, value=expressed(given(document.key), (*path, "key")))
