"""Checks and agents in the native language."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tenbin.configfile.convert.tls import send_proxy, server_tls
from tenbin.configfile.convert.words import UnsayableError
from tenbin.configfile.native.document.observe import WATCHED
from tenbin.model.check import AsServer, ExecCheck, HttpCheck, ProtocolCheck, ScriptCheck, Step, StepKind, TcpCheck

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Yaml
    from tenbin.model import AgentCheck, Check
    from tenbin.model.check import Probe

_CONNECT = {"host": "address", "port": "port", "default": "default", "tls": "tls", "sni": "sni", "alpn": "alpn"}
_CONNECT |= {"send_proxy": "send_proxy"}
_REQUEST = {"method": "method", "target": "target", "version": "version", "format": "format"}
_EXPECT = {"method": "look_at", "pattern": "pattern", "negate": "absent", "min_recv": "at_least"}
_EXPECT |= {
    one: one
    for one in (
        *("header", "header_by", "pattern_by"),
        *("ok_status", "error_status", "timeout_status", "on_success", "on_error"),
    )
}
_USUAL = {one.name: one.default for one in fields(Step)}


def check(found: Check) -> Yaml:
    """Write a check."""
    written = _probe(found.probe)
    times = {"every": found.every, "fast": found.fast, "down": found.down, "timeout": found.timeout}
    written |= {key: str(time) for key, time in times.items() if key in ("every", "timeout") or time != found.every}
    written |= {"rise": found.rise, "fall": found.fall, "jitter": f"{round(found.jitter * 100)}%"}
    if found.port:
        written["port"] = found.port
    if found.host:
        written["address"] = found.host
    own = bool(found.port or found.host)
    if found.tls is not (None if own else AsServer.AS_SERVER):
        written["tls"] = _tls(found)
    if found.send_proxy is not (None if own else AsServer.AS_SERVER):
        written["send_proxy"] = _send_proxy(found)
    if found.protocol is not AsServer.AS_SERVER and not (own and found.protocol == "http1"):
        written["protocol"] = found.protocol.value
    if found.observe is not None:
        watched = next(word for word, layer in WATCHED.items() if layer == found.observe.layer)
        written["observe"] = {"on": watched, "errors": found.observe.errors, "then": found.observe.then.value}
    return written


def agent(found: AgentCheck) -> Yaml:
    """Write an agent."""
    written: Yaml = {"port": found.port, "every": str(found.every)}
    if found.host:
        written["address"] = found.host
    if found.send:
        written["send"] = found.send
    if not found.enabled:
        written["enabled"] = False
    return written


def _tls(found: Check) -> object:
    if found.tls is AsServer.AS_SERVER:
        return True
    return server_tls(found.tls) if found.tls else False


def _send_proxy(found: Check) -> object:
    if found.send_proxy is AsServer.AS_SERVER:
        raise UnsayableError("a check elsewhere that tells of the client as requests do")
    return send_proxy(found.send_proxy) if found.send_proxy else False


def _probe(found: Probe) -> Yaml:
    match found:
        case TcpCheck():
            return {"tcp": True}
        case HttpCheck():
            return {"http": f"{found.method} {found.path}", "headers": dict(found.headers)}
        case ScriptCheck():
            written: Yaml = {"script": [_step(one, http=found.http) for one in found.steps]}
            flags = {"drain_on_404": found.disable_on_404, "send_state": found.send_state}
            return written | {key: True for key, on in flags.items() if on}
        case ProtocolCheck():
            said = {key: getattr(found, key) for key in ("user", "domain", "variant") if getattr(found, key)}
            return {"greeting": {"protocol": found.protocol, **said} if said else found.protocol}
        case ExecCheck():
            written = {"exec": list(found.command)}
            if found.path:
                written["search_path"] = found.path
            return {**written, "places": True} if found.places else written
    raise UnsayableError("this kind of check")


def _step(step: Step, *, http: bool) -> Yaml:
    said: Yaml = {"comment": step.comment} if step.comment else {}
    match step.kind:
        case StepKind.CONNECT:
            return {"connect": _members(step, _CONNECT) or True, **said}
        case StepKind.SEND if http:
            request = _members(step, _REQUEST)
            if step.headers:
                request["headers"] = dict(step.headers)
                if len(dict(step.headers)) < len(step.headers):
                    raise UnsayableError("a check that sends a header twice")
            if step.data:
                request["body"] = _text(step.data)
            return {"request": request, **said}
        case StepKind.SEND:
            return {"send": _sent(step), **said}
        case StepKind.EXPECT:
            return {"expect": _members(step, _EXPECT), **said}
        case StepKind.SET_VAR:
            return {"set_variable": step.name, "value": step.value, **said}
        case StepKind.UNSET_VAR:
            return {"unset_variable": step.name, **said}
    return {"comment": step.comment}


def _members(step: Step, names: dict[str, str]) -> Yaml:
    """What is not as usual, under the names of the native language."""
    always = {"look_at", "method", "target", "version", "pattern"}
    held = {key: getattr(step, member) for member, key in names.items()}
    usual = {key: _USUAL[member] for member, key in names.items()}
    return {key: value for key, value in held.items() if value != usual[key] or (key in always and value)}


def _sent(step: Step) -> object:
    try:
        text = step.data.decode()
    except UnicodeDecodeError:
        text = ""
    plain = text and all(char >= " " or char in "\r\n\t" for char in text)
    if step.format:
        return {"text": _text(step.data), "format": True}
    return text if plain else {"hex": step.data.hex()}


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UnsayableError("a check that sends bytes that are no text") from None
