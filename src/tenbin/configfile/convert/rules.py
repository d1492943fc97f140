"""Rules, routes and tables in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.acts import said
from tenbin.configfile.convert.words import UnsayableError, condition, template
from tenbin.model.route import Deny, Redirect, Respond, ToBackend
from tenbin.model.rules import Rule, Rules, Verb
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Frontend, Route, Stored, Table

_BACK = ("content", "request", "answer", "after", "answer_content")
_FRONT = ("connection", "session", *_BACK)
_ANSWERS = ("answer", "after", "answer_content")
_ELSEWHERE = (
    "rules of a statistics page of HAProxy: write `admin: 127.0.0.1:8404` for Tenbin's own, with metrics",
    "what lines of the log show: the access log is one for all, see `log`",
)


def rules(found: Rules, notes: Notes, position: str, *, backend: bool = False) -> Yaml:
    """Write the rule sets of a frontend or backend at `position`; rules that cannot be said are noted."""
    written: Yaml = {}
    for phase in _BACK if backend else _FRONT:
        lines = [one for one in (_rule(rule, phase, position, notes) for rule in getattr(found, phase)) if one]
        if lines:
            written[phase] = lines
    for key in ("inspect_delay", "answer_inspect_delay"):
        if getattr(found, key):
            written[key] = str(Duration(getattr(found, key)))
    return written


def routes(frontend: Frontend, notes: Notes) -> list[Yaml]:
    """Write the routes."""
    written = []
    for route in frontend.routes:
        try:
            written.append(_route(route))
        except UnsayableError as error:
            notes.add(route.position, f"not said here: {error}", route)
    return written


def table(found: Table) -> Yaml:
    """Write a table."""
    written: Yaml = {"key": found.key.value, "size": found.size}
    if found.length:
        written["length"] = found.length
    written["expire"] = str(Duration(found.expire))
    if found.keep:
        written["nopurge"] = True
    if found.by_address:
        written["by_address"] = True
    if found.stored:
        written["store"] = [_stored(one) for one in found.stored]
    return written


def _stored(one: Stored) -> str:
    name = f"{one.name}*{one.count}" if one.count else one.name
    return f"{name}/{Duration(one.period)}" if one.period else name


def _route(route: Route) -> Yaml:
    written: Yaml = {} if route.when is None else {"when": condition(route.when)}
    match route.action:
        case ToBackend(name=name) if name is not None:
            written["backend"] = template(name)
        case ToBackend(backend=name):
            written["backend"] = name
        case Deny(status):
            written["deny"] = status
        case Redirect(location, code):
            written["redirect"] = {"location": template(location), "code": code}
        case Respond(status, headers, body):
            written["respond"] = {"status": status, "headers": dict(headers), "body": body.decode()}
        case _:
            raise UnsayableError("a route without an action")
    return written


def _is_page(rule: Rule) -> bool:
    """Whether a rule belongs to a statistics page, which is noted where it is asked for."""
    return rule.act.verb in (Verb.SERVICE, Verb.AUTH) and ".stats" in repr((rule.act.name, rule.when))


def _rule(rule: Rule, phase: str, position: str, notes: Notes) -> Yaml:
    if rule.act.verb is Verb.CAPTURE or _is_page(rule):
        notes.elsewhere(rule.position or position, _ELSEWHERE[rule.act.verb is Verb.CAPTURE], rule)
        return {}
    answer = phase in _ANSWERS
    try:
        when = {} if rule.when is None else {"when": condition(rule.when, answer=answer)}
        return {**when, **said(rule.act, answer=answer)}
    except UnsayableError as error:
        notes.add(rule.position or position, f"not said here: {error}", rule)
        return {}
