"""Actions that decide the course of a request: end, wait, times, priorities, logs; and those that do nothing here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import units
from tenbin.configfile.haproxy.phrases.words import Wrong
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.expression import Const, Expression
from tenbin.model.rules import Act, Verb

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.phrases.actions.line import Line

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent")

_ENDS = {
    "allow": Verb.ALLOW,
    "accept": Verb.ALLOW,
    "reject": Verb.REJECT,
    "close": Verb.CLOSE,
    "silent-drop": Verb.SILENT_DROP,
    "disable-l7-retry": Verb.DISABLE_RETRY,
}
_SWITCH = re.compile(r"on|off")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|-?[0-9]+")
_TIMEOUTS = ("server", "tunnel", "client", "connect", "queue", "tarpit")


def end(line: Line) -> Act:
    """Actions without arguments."""
    if line.name == "silent-drop" and line.phrase.skip("rst-ttl"):
        line.place.reading.ignored(line.take("a number"), "no reset is sent with a time to live of its own")
    return Act(_ENDS[line.name])


def expect_proxy(line: Line) -> Act:
    """`expect-proxy layer4`."""
    word = line.take("only supports 'layer4'")
    if word.text != "layer4":
        raise Wrong("only supports 'layer4'").at(word)
    return Act(Verb.EXPECT_PROXY)


def switch_mode(line: Line) -> Act:
    """`switch-mode http [proto h1|h2]`."""
    if not line.place.scope.is_frontend:
        scope = line.place.scope
        message = f"'switch-mode' not allowed because {scope.kind} '{scope.name}' has no frontend capability"
        raise Wrong(message).at(line.word)
    word = line.take("a mode as argument")
    if word.text != "http":
        raise Wrong(f"expects a valid mode (got '{word.text}')", hint="only `http` can be switched to").at(word)
    name = ""
    if line.phrase.skip("proto"):
        word = line.take("a protocol as argument")
        name = word.text
        if name == "fcgi":
            raise Wrong(f"MUX protocol '{name}' is not compatible with the selected mode").at(word)
        if name not in ("h1", "h2"):
            message = f"'proto' expects a valid MUX protocol, if specified (got '{name}')"
            raise Wrong(message, hint=did_you_mean(name, ("h1", "h2"))).at(word)
    return Act(Verb.SWITCH_MODE, name)


def service(line: Line) -> Act:
    """`use-service prometheus-exporter`."""
    word = line.take("a service name")
    if word.text != "prometheus-exporter":
        if word.text.startswith("lua."):
            raise Wrong("services in Lua are not run", hint="Tenbin has no Lua", refused=True).at(word)
        hint = did_you_mean(word.text, ("prometheus-exporter",))
        raise Wrong(f"unknown service name : '{word.text}'", hint=hint).at(word)
    return Act(Verb.SERVICE, name=word.text)


def wait_body(line: Line) -> Act | None:
    """`wait-for-body time T [at-least N]`; answers are not held back for it."""
    usage = "time <time> [ at-least <bytes> ]"
    time, least = -1, 0
    while not line.phrase.in_condition:
        word = line.phrase.take("")
        if word.text == "time":
            time = _milliseconds(line, usage)
        elif word.text == "at-least":
            number = line.take(usage)
            try:
                least = units.size(number.text)
            except Wrong as wrong:
                raise wrong.at(number) from None
        else:
            raise Wrong(f"expects {usage}").at(word)
    if time < 0:
        raise Wrong(f"expects {usage}").at(line.phrase.last)
    if line.place.of_answer:
        line.place.reading.ignored(line.word, "rules on answers see what of a body came with the head")
        return None
    return Act(Verb.WAIT_BODY, number=time, index=least)


def set_timeout(line: Line) -> Act:
    """`set-timeout server|tunnel|client ... TIME|SAMPLE`."""
    word = line.take("a timeout and its value")
    if word.text not in _TIMEOUTS:
        message = f"'{word.text}' is not a timeout that can be set"
        raise Wrong(message, hint=did_you_mean(word.text, _TIMEOUTS) or f"one of {', '.join(_TIMEOUTS)}").at(word)
    if word.text != "client" and line.place.scope.kind == "frontend":
        raise Wrong(f"proxy '{line.place.scope.name}' has no backend capability").at(word)
    return Act(Verb.SET_TIMEOUT, name=word.text, value=_time(line))


def pause(line: Line) -> Act | None:
    """`pause TIME|SAMPLE`; answers are not held back."""
    act = Act(Verb.PAUSE, value=_time(line))
    if line.place.of_answer:
        line.place.reading.ignored(line.word, "answers are not held back")
        return None
    return act


def set_retries(line: Line) -> Act:
    """`set-retries N|SAMPLE`."""
    word = line.take("an integer or an expression")
    value = Const(int(word.text)) if word.text.isdigit() else line.sample_of(word).expression
    return Act(Verb.SET_RETRIES, value=value)


def set_log_level(line: Line) -> Act:
    """`set-log-level LEVEL|silent`."""
    word = line.take("exactly 1 argument (log level name or 'silent')")
    if word.text not in LEVELS:
        message = "expects exactly 1 argument (log level name or 'silent')"
        raise Wrong(message, hint=did_you_mean(word.text, LEVELS)).at(word)
    return Act(Verb.SET_LOG_LEVEL, name=word.text)


def set_priority(line: Line) -> Act:
    """`set-priority-class SAMPLE`, `set-priority-offset SAMPLE`."""
    verb = Verb.SET_PRIORITY_CLASS if line.name.endswith("class") else Verb.SET_PRIORITY_OFFSET
    return Act(verb, value=line.sample("an expression").expression)


IGNORED = {
    "set-nice": (1, "every request has the same share of the processor"),
    "set-mark": (1, "packets are not marked"),
    "set-tos": (1, "packets keep their type of service"),
    "set-fc-mark": (1, "packets are not marked"),
    "set-fc-tos": (1, "packets keep their type of service"),
    "set-bc-mark": (1, "packets are not marked"),
    "set-bc-tos": (1, "packets keep their type of service"),
    "strict-mode": (1, "a rewrite that fails never ends a request"),
    "wait-for-handshake": (0, "requests are looked at after the handshake anyway"),
}
"""Actions without effect, with how many words they take, and why nothing is done."""

REFUSED = {
    "cache-use": "nothing is cached",
    "cache-store": "nothing is cached",
    "do-resolve": "names are not looked up for requests",
    "expect-netscaler-cip": "the NetScaler Client IP header is not read",
    "send-spoe-group": "there are no SPOE agents",
    "ot-group": "there is no OpenTracing filter",
    "attach-srv": "connections are not given to servers",
    "do-log": "a request has one line",
    "set-fc-pp": "the PROXY header that was read stays as it is",
}
"""Actions that HAProxy knows, and why they cannot be carried out."""


def ignored(line: Line) -> None:
    """Take the words of an action that has no effect, and say so."""
    words, why = IGNORED[line.name]
    if words:
        word = line.take(f"exactly {words} argument")
        if not (_SWITCH if line.name == "strict-mode" else _NUMBER).fullmatch(word.text):
            raise Wrong(f"invalid argument '{word.text}'").at(word)
    if line.name != "wait-for-handshake":
        line.place.reading.ignored(line.word, why)


def _milliseconds(line: Line, usage: str) -> int:
    word = line.take(usage)
    try:
        return units.milliseconds(word.text)
    except Wrong as wrong:
        raise wrong.at(word) from None


def _time(line: Line) -> Expression:
    word = line.take("a time or an expression")
    if word.text[:1].isdigit():
        try:
            return Const(units.milliseconds(word.text))
        except Wrong as wrong:
            raise wrong.at(word) from None
    return line.sample_of(word).expression
