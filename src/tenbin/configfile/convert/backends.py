"""Backends and their servers in the native language."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile.convert.answers import answers
from tenbin.configfile.convert.checks import agent, check
from tenbin.configfile.convert.compression import compression
from tenbin.configfile.convert.persistence import balance, bindings, sticky
from tenbin.configfile.convert.rules import rules
from tenbin.configfile.convert.tls import send_proxy, server_tls
from tenbin.configfile.convert.words import UnsayableError
from tenbin.model.backend import OnDown, StickyCookie
from tenbin.model.frontend import Mode
from tenbin.model.server import Admin, Initial
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Backend, Lookup, Retry, Server

_FAILURES = ("connect", "closed", "timeout", "junk")
_SWITCHES = ("persist_down", "all_backups")


def backend(found: Backend, position: str, notes: Notes) -> Yaml:
    """Write a backend; `position` stands for what has no place of its own."""
    http = found.mode is Mode.HTTP
    written: Yaml = {"mode": found.mode.value}
    for key, part in _parts(found).items():
        try:
            said = part()
        except UnsayableError as error:
            notes.add(position, f"not said here: {error}", (found, key))
            continue
        if said is not None:
            written[key] = said
    written |= bindings(found, position, notes)
    if said_rules := rules(found.rules, notes, position, backend=True):
        written["rules"] = said_rules
    if http and (own := answers(found.answers, position, notes)):
        written["answers"] = own
    if http:
        written |= _of_requests(found)
    written["retry"] = _retry(found.retry, http=http)
    written["eject"] = _eject(found)
    written["timeouts"] = _timeouts(found)
    if found.slow_start.ms:
        written["slow_start"] = str(found.slow_start)
    if found.max_queue:
        written["max_queue"] = found.max_queue
    if found.on_down is not OnDown.KEEP:
        written["on_down"] = found.on_down.value
    written |= {key: True for key in _SWITCHES if getattr(found, key)}
    if not found.abort_on_close:
        written["abort_on_close"] = False
    if found.send_name:
        written["server_name_header"] = found.send_name
    numbers = [one.number for one in found.servers]
    counted = numbers == list(range(1, len(numbers) + 1))
    written["servers"] = {one.name: _server(one, found, notes, counted=counted) for one in found.servers}
    return written


def _parts(found: Backend) -> dict[str, Callable[[], object]]:
    """The parts that may hold what cannot be said, by their names here and there."""
    return {
        "balance": lambda: balance(found.balance),
        "sticky": lambda: sticky(found),
        "check": lambda: check(found.check) if found.check else None,
    }


def _of_requests(found: Backend) -> Yaml:
    written: Yaml = {
        "pool": {
            "reuse": found.pool.reuse.value,
            "max_idle": found.pool.max_idle,
            "idle_timeout": str(found.pool.idle_timeout),
        },
        "protocol": found.protocol.value,
        "limits": {"head": found.limits.head, "fields": found.limits.fields},
    }
    return written if found.compression is None else {**written, "compression": compression(found.compression)}


def _server(found: Server, of: Backend, notes: Notes, *, counted: bool) -> Yaml:
    written: Yaml = {"address": str(found.address), "weight": found.weight}
    if found.backup:
        written["backup"] = True
    for key in ("max_connections", "max_queue", "min_connections", "full_connections"):
        if getattr(found, key):
            written[key] = getattr(found, key)
    if found.cookie != found.name and isinstance(of.sticky, StickyCookie):
        written["cookie"] = found.cookie
    written |= _connected(found, notes)
    if not counted:
        written["id"] = found.number
    if found.slow_start >= 0 and found.slow_start != of.slow_start.ms:
        written["slow_start"] = str(Duration(found.slow_start))
    for key in ("source", "redirect"):
        if getattr(found, key):
            written[key] = getattr(found, key)
    written |= {key: True for key in ("end_when_down", "end_backups_when_up") if getattr(found, key)}
    written |= _watched(found, of, notes)
    if found.admin is not Admin.READY:
        written["state"] = found.admin.value
    return written


def _connected(found: Server, notes: Notes) -> Yaml:
    """What connections to it begin with, and what is noticed of them in passing."""
    written: Yaml = {}
    if found.tls:
        try:
            written["tls"] = server_tls(found.tls)
        except UnsayableError as error:
            notes.add(found.resolve_position, f"not said here: {error}", (found.tls, "chosen"))
            written["tls"] = server_tls(replace(found.tls, chosen=None))
    if found.send_proxy:
        written["send_proxy"] = send_proxy(found.send_proxy)
    if lookup := _lookup(found.lookup):
        written["resolve"] = lookup
    if found.user_timeout.ms:
        written["user_timeout"] = str(found.user_timeout)
    if found.max_reuse >= 0:
        written["max_reuse"] = found.max_reuse
    if found.passive:
        fails = found.passive
        written["passive"] = {"max_fails": fails.max_fails, "fail_timeout": str(fails.fail_timeout)}
    return written


def _lookup(found: Lookup) -> Yaml:
    written: Yaml = {"prefer": f"ipv{found.family}"} if found.family else {}
    if found.networks:
        written["networks"] = list(found.networks)
    return {**written, "fallback": found.fallback} if found.fallback else written


def _watched(found: Server, of: Backend, notes: Notes) -> Yaml:
    """What is known of a server's health, and from where."""
    written: Yaml = {} if found.initial is Initial.UP else {"initial": found.initial.value}
    if found.track is not None:
        written["track"] = str(found.track)
    elif found.unchecked and of.check is not None:
        written["check"] = False
    elif found.check is not None:
        try:
            written["check"] = check(found.check)
        except UnsayableError as error:
            notes.add(found.resolve_position, f"not said here: {error}", (found, "check"))
    if found.agent is not None:
        written["agent"] = agent(found.agent)
    return written


def _retry(found: Retry, *, http: bool) -> Yaml:
    written: Yaml = {"attempts": found.attempts, "budget": f"{found.budget}%"}
    if found.redispatch != 1:
        written["redispatch"] = found.redispatch or False
    if found.turn_around:
        written["turn_around"] = str(Duration(found.turn_around))
    if found.after != _FAILURES:
        written["on_failure"] = list(found.after)
    if found.statuses and http:
        written["on_status"] = list(found.statuses)
    return {**written, "unsafe_methods": True} if found.unsafe_methods else written


def _eject(found: Backend) -> object:
    if found.eject is None:
        return False
    eject = found.eject
    return {
        "after": eject.consecutive,
        "base": str(eject.base),
        "longest": str(eject.longest),
        "percent": f"{eject.percent}%",
    }


def _timeouts(found: Backend) -> Yaml:
    times = {"connect": found.connect, "server": found.server, "queue": found.queue, "tunnel": found.tunnel}
    written: Yaml = {key: str(time) for key, time in times.items()}
    if found.server_fin.ms:
        written["server_fin"] = str(found.server_fin)
    return {**written, "tarpit": str(Duration(found.tarpit))} if found.tarpit else written
