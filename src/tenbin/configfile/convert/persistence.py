"""How a backend chooses a server and remembers it, in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.words import UnsayableError, condition, template, value
from tenbin.model.backend import StickyCookie, StickyKey, StickySource
from tenbin.model.balance import HashFunction, HashKey, HashMethod, Policy

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Backend, Balance, StickRule, Sticky
    from tenbin.model.backend import PersistRule, UseServer

_OF_HAPROXY = (HashMethod.HAPROXY_MAP, HashMethod.HAPROXY_TREE)
_DETAILS = ("avalanche", "name", "whole", "length", "depth", "path_only", "check_post", "domain_only")


def balance(found: Balance) -> object:
    """Write how a server is chosen."""
    match found.policy:
        case Policy.RANDOM:
            return {"random": {"draws": found.draws}}
        case Policy.HASH:
            return {"hash": _hash(found)}
        case Policy.IP_HASH:
            return {"ip_hash": {"form": found.ip_form.value}}
        case Policy.PEAK_EWMA:
            return {"peak_ewma": {"decay": str(found.decay), "error_penalty": str(found.error_penalty)}}
    return found.policy.value


def sticky(found: Backend) -> Yaml | None:
    """Write what keeps a client on its server."""
    if found.sticky is None:
        return None
    return {**_by(found.sticky), "on_drain": "stay" if found.drain_sticky else "leave"}


def bindings(found: Backend, position: str, notes: Notes) -> Yaml:
    """Write the rules that bind clients to servers; what cannot be said is noted."""
    written: Yaml = {}
    parts = {"stick": (found.stick, _stick), "use_server": (found.use_server, _use), "persist": (found.persist, _keep)}
    for key, (rules, say) in parts.items():
        said = []
        for rule in rules:
            try:
                said.append(say(rule))  # type: ignore[operator]
            except UnsayableError as error:
                notes.add(getattr(rule, "position", "") or position, f"not said here: {error}", rule)
        if said:
            written[key] = said
    return written


def _hash(found: Balance) -> Yaml:
    written: Yaml = {"key": value(found.key)} if found.key is not None else {}
    written["method"] = found.method.value
    if found.load_factor:
        written["load_factor"] = found.load_factor
    if found.method not in _OF_HAPROXY:
        return written
    if found.form is not HashKey.TEXT:
        written["form"] = found.form.value
    if found.function is not HashFunction.SDBM:
        written["function"] = found.function.value
    written |= {key: getattr(found, key) for key in _DETAILS if getattr(found, key)}
    return written


def _by(found: Sticky) -> Yaml:
    match found:
        case StickyCookie():
            written: Yaml = {"cookie": found.name, "plain": found.plain, "mode": found.mode.value}
            written["attributes"] = list(found.attributes)
            written |= {key: str(getattr(found, key)) for key in ("max_idle", "max_life") if getattr(found, key).ms}
            if found.dynamic_key:
                written["dynamic_key"] = found.dynamic_key
            flags = ("indirect", "no_cache", "post_only", "preserve")
            return written | {key: getattr(found, key) for key in flags}
        case StickySource(expire, size):
            return {"source": {"expire": str(expire), "size": size}}
        case StickyKey(key, expire, size):
            return {"key": value(key), "expire": str(expire), "size": size}


def _stick(found: StickRule) -> Yaml:
    key = "answer_key" if found.answer else "key"
    written: Yaml = {key: value(found.key, answer=found.answer), "table": found.table}
    if found.when is not None:
        written["when"] = condition(found.when, answer=found.answer)
    if not found.match and not found.answer:
        written["match"] = False
    if not found.store:
        written["store"] = False
    return written


def _use(found: UseServer) -> Yaml:
    written: Yaml = {"server": template(found.server)}
    return written if found.when is None else {**written, "when": condition(found.when)}


def _keep(found: PersistRule) -> Yaml:
    written: Yaml = {"force": found.force}
    return written if found.when is None else {**written, "when": condition(found.when)}
