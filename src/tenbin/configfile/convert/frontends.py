"""Frontends in the native language, and what all of them have in common."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tenbin.configfile.convert.answers import answers
from tenbin.configfile.convert.compression import compression
from tenbin.configfile.convert.rules import routes, rules
from tenbin.configfile.convert.tls import listener_tls
from tenbin.model.frontend import Mode, SocketOptions
from tenbin.model.values import Duration, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Frontend, Listener
    from tenbin.model.frontend import PerSource

_SHARED = ("http", "answers")


def frontend(found: Frontend, position: str, notes: Notes) -> Yaml:
    """Write a frontend; `position` stands for what has no place of its own."""
    http = found.mode is Mode.HTTP
    written: Yaml = {"listen": [_listener(one, http=http) for one in found.listeners], "mode": found.mode.value}
    if http:
        written["http"] = {
            "trace": found.http.trace,
            "connect": found.http.connect,
            "underscores": found.http.underscores.value,
            "ambiguous_paths": found.http.ambiguous_paths.value,
        }
        written["forwarding"] = found.forwarding
        written["answers"] = answers(found.answers, position, notes)
        if found.compression is not None:
            written["compression"] = compression(found.compression)
    if found.trusted_proxies:
        written["trusted_proxies"] = list(found.trusted_proxies)
    written["timeouts"] = _timeouts(found)
    written["limits"] = _limits(found)
    if said := rules(found.rules, notes, position):
        written["rules"] = said
    written["routes"] = routes(found, notes)
    if found.unique_id:
        notes.add(position, "not said here: `unique-id-format`", (found, "unique_id"))
    return written


def shared(frontends: Sequence[Yaml]) -> Yaml:
    """Take what every frontend says alike out of them, as far as it may stand at the top."""
    taken: Yaml = {}
    for key in _SHARED:
        said = [one[key] for one in frontends if key in one]
        if said and all(one == said[0] for one in said):
            taken[key] = said[0]
            for one in frontends:
                one.pop(key, None)
    return {key: one for key, one in taken.items() if one}


def _timeouts(found: Frontend) -> Yaml:
    times = {
        "client": found.client,
        "header": found.header,
        "keep_alive": found.keep_alive,
        "tunnel": found.tunnel,
        "handshake": found.handshake,
    }
    written: Yaml = {key: str(time) for key, time in times.items()}
    if found.client_fin.ms:
        written["client_fin"] = str(found.client_fin)
    return {**written, "tarpit": str(Duration(found.tarpit))} if found.tarpit else written


def _limits(found: Frontend) -> Yaml:
    limits = found.limits
    written: Yaml = {"connections": limits.connections, "min_rate": limits.min_rate, "handshakes": limits.handshakes}
    if found.mode is Mode.HTTP:
        keys = ("head", "fields", "target", "body", "streams", "glitches")
        written |= {key: getattr(limits, key) for key in keys}
    if limits.session_rate:
        written["connection_rate"] = limits.session_rate
    return written if limits.per_source is None else {**written, "per_source": _per_source(limits.per_source)}


def _per_source(found: PerSource) -> Yaml:
    return {
        "connections": found.connections,
        "requests": str(found.requests) if found.requests else False,
        "ipv6_prefix": found.ipv6_prefix,
        "entries": found.entries,
    }


def _listener(found: Listener, *, http: bool) -> Yaml:
    written: Yaml = {"address": str(found.address)}
    if isinstance(found.address, UnixAddress):
        written |= {"socket_mode": f"{found.address.mode:o}"} if found.address.mode else {}
        owner = {"user": found.address.uid, "group": found.address.gid}
        written |= {key: number for key, number in owner.items() if number >= 0}
    if found.lenient:
        written["lenient"] = True
    if http and not found.http2:
        written["http2"] = False
    if found.proxy_protocol is not None:
        networks = list(found.proxy_protocol.networks)
        written["proxy_protocol"] = {"from": networks} if networks else True
    if found.tls is not None:
        written["tls"] = listener_tls(found.tls)
    if options := _options(found.options):
        written["socket"] = options
    return written


def _options(found: SocketOptions) -> Yaml:
    """Those that are not as the kernel has them."""
    said = {one.name: getattr(found, one.name) for one in fields(found)}
    plain = SocketOptions()
    return {
        key: str(value) if isinstance(value, Duration) else value
        for key, value in said.items()
        if value != getattr(plain, key)
    }
