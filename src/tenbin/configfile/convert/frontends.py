"""Frontends in the native language, and what all of them have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.rules import routes, rules
from tenbin.model.frontend import Mode
from tenbin.model.values import Inherited

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Frontend, Listener
    from tenbin.model.tls import ListenerTls

_SHARED = ("http", "timeouts")


def frontend(found: Frontend, served: Collection[str], notes: Notes) -> Yaml:
    """Write a frontend."""
    http = found.mode is Mode.HTTP
    written: Yaml = {"listen": [_listener(one, notes, http=http) for one in found.listeners], "mode": found.mode.value}
    if http:
        written["http"] = {
            "trace": found.http.trace,
            "connect": found.http.connect,
            "underscores": found.http.underscores.value,
            "ambiguous_paths": found.http.ambiguous_paths.value,
        }
        written["forwarding"] = found.forwarding
    written["timeouts"] = _timeouts(found)
    written["limits"] = _limits(found)
    if said := rules(found.rules, notes):
        written["rules"] = said
    written["routes"] = routes(found, served, notes)
    if found.unique_id:
        notes.add(found.listeners[0].position if found.listeners else found.name, "not said here: `unique-id-format`")
    return written


def shared(frontends: Sequence[Yaml]) -> Yaml:
    """Take what every frontend says alike out of them."""
    taken: Yaml = {}
    for key in _SHARED:
        said = [one.get(key) for one in frontends if key in one]
        if len(said) > 1 and key == "http" and all(one == said[0] for one in said):
            taken[key] = said[0]
            for one in frontends:
                one.pop(key, None)
    return taken


def _timeouts(found: Frontend) -> Yaml:
    times = {
        "client": found.client,
        "header": found.header,
        "keep_alive": found.keep_alive,
        "tunnel": found.tunnel,
        "handshake": found.handshake,
        "client_fin": found.client_fin,
    }
    never = ("client", "keep_alive", "tunnel")
    return {key: str(time) for key, time in times.items() if time.ms or key in never}


def _limits(found: Frontend) -> Yaml:
    limits = found.limits
    written: Yaml = {"connections": limits.connections, "min_rate": limits.min_rate}
    if found.mode is Mode.HTTP:
        written |= {"head": limits.head, "fields": limits.fields, "target": limits.target}
    return written


def _listener(found: Listener, notes: Notes, *, http: bool) -> Yaml:
    if isinstance(found.address, Inherited):
        notes.add(found.position, "not said here: a socket that was open before the start (`fd@`)")
    written: Yaml = {"address": str(found.address)}
    if found.lenient:
        written["lenient"] = True
    if http and not found.http2:
        written["http2"] = False
    if found.proxy_protocol is not None:
        networks = list(found.proxy_protocol.networks)
        written["proxy_protocol"] = {"from": networks} if networks else True
    if found.tls is not None:
        written["tls"] = _tls(found.tls)
    return written


def _tls(found: ListenerTls) -> Yaml:
    certificates = [
        one.certificate if one.key == one.certificate else {"certificate": one.certificate, "key": one.key}
        for one in found.certificates
    ]
    written: Yaml = {"certificates": certificates}
    if found.default:
        written["default"] = found.default + 1
    if found.strict_sni:
        written["strict_sni"] = True
    if found.client is not None:
        client: Yaml = {"mode": "required" if found.client.required else "optional", "ca": found.client.ca}
        written["client_certificates"] = {**client, "crl": found.client.crl} if found.client.crl else client
    if not found.resumption:
        written["resumption"] = False
    if found.hsts:
        written["hsts"] = found.hsts
    if found.suite.versions:
        written["versions"] = list(found.suite.versions)
    if found.suite.ciphers:
        written["ciphers"] = list(found.suite.ciphers)
    return written
