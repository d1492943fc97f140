"""Rules, routes and tables in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.words import UnsayableError, condition, template, value
from tenbin.model.expression import Const, Fetch
from tenbin.model.route import Deny, Redirect, Respond, ToBackend
from tenbin.model.rules import Act, Answer, Rule, Rules, Verb
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Frontend, Route, Stored, Table
    from tenbin.model.expression import Expression

_SWITCHES = {Verb.ALLOW: "allow", Verb.REJECT: "reject", Verb.SILENT_DROP: "silent_drop"}
_TEXTS = {Verb.SET_PATH: "set_path", Verb.SET_QUERY: "set_query", Verb.SET_METHOD: "set_method"}
_HEADERS = {Verb.SET_HEADER: "set_header", Verb.ADD_HEADER: "add_header"}
_BACK = ("content", "request", "answer", "after", "answer_content")
_FRONT = ("connection", "session", *_BACK)
_ANSWERS = ("answer", "after", "answer_content")
_ELSEWHERE = (
    "rules of a statistics page of HAProxy: write `admin: 127.0.0.1:8404` for Tenbin's own, with metrics",
    "what lines of the log show: the access log is one for all, see `log`",
)
_EARLY = frozenset((Verb.ALLOW, Verb.REJECT, Verb.SILENT_DROP, Verb.TRACK, Verb.SET_VAR))


def rules(found: Rules, notes: Notes, position: str, *, backend: bool = False) -> Yaml:
    """Write the rule sets of a frontend or backend at `position`; rules that cannot be said are noted."""
    written: Yaml = {}
    for phase in _BACK if backend else _FRONT:
        said = [one for one in (_rule(rule, phase, position, notes) for rule in getattr(found, phase)) if one]
        if said:
            written[phase] = said
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
    if found.stored:
        written["store"] = [_stored(one) for one in found.stored]
    return written


def _stored(one: Stored) -> str:
    name = f"{one.name}*{one.count}" if one.count else one.name
    return f"{name}/{Duration(one.period)}" if one.period else name


def _route(route: Route) -> Yaml:
    written: Yaml = {} if route.when is None else {"when": condition(route.when)}
    match route.action:
        case ToBackend(name=Fetch()) | ToBackend(backend=""):
            raise UnsayableError("a backend whose name is made of the request")
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
        return {**when, **_act(rule.act, phase)}
    except UnsayableError as error:
        notes.add(rule.position or position, f"not said here: {error}", rule)
        return {}


def _act(act: Act, phase: str) -> Yaml:
    answer = phase in _ANSWERS
    if phase in ("connection", "session", "content") and act.verb not in _EARLY:
        raise UnsayableError(f"`{act.verb.value}` before a request is read")
    match act.verb:
        case Verb.ALLOW | Verb.REJECT | Verb.SILENT_DROP:
            return {_SWITCHES[act.verb]: True}
        case Verb.DENY | Verb.TARPIT | Verb.RETURN:
            return _refusal(act)
        case Verb.REDIRECT:
            if act.answer is not None:
                raise UnsayableError("a redirect with headers of its own")
            return {"redirect": {"location": template(_value(act)), "code": act.number}}
        case Verb.SET_HEADER | Verb.ADD_HEADER:
            return {_HEADERS[act.verb]: {act.name: template(_value(act), answer=answer)}}
        case Verb.DEL_HEADER if act.method in ("", "str"):
            return {"remove_header": [act.name]}
        case Verb.REPLACE_HEADER:
            return {"replace_header": {act.name: _replacement(act)}}
        case Verb.REPLACE_PATH:
            return {"replace_path": _replacement(act)}
        case Verb.SET_PATH | Verb.SET_QUERY | Verb.SET_METHOD:
            return {_TEXTS[act.verb]: template(_value(act))}
        case _:
            return _other(act, answer=answer)


def _other(act: Act, *, answer: bool) -> Yaml:
    match act.verb:
        case Verb.SET_VAR if not act.method:
            return {"set_variable": {act.name: value(_value(act), answer=answer)}}
        case Verb.SET_STATUS if not act.name:
            return {"set_status": act.number}
        case Verb.SET_LOG_LEVEL:
            return {"log_level": act.name}
        case Verb.PAUSE if isinstance(act.value, Const):
            return {"pause": f"{act.value.value}ms"}
        case Verb.SET_MAP if act.to is not None:
            return {"set_map": {"map": act.name, "key": template(_value(act)), "value": template(act.to)}}
        case Verb.TRACK:
            return {"track": {"key": value(_value(act)), "table": act.name, "slot": act.number}}
    raise UnsayableError(f"the act `{act.verb.value}`")


def _refusal(act: Act) -> Yaml:
    answer = act.answer or Answer(403)
    if act.verb is not Verb.RETURN and answer.status >= 400 and not answer.body and not answer.headers:
        return {act.verb.value: answer.status}
    if act.verb is Verb.TARPIT:
        raise UnsayableError("an answer of one's own after a tarpit")
    headers = {}
    for name, text in answer.headers:
        if not isinstance(text, Const):
            raise UnsayableError("headers of an answer that are made of the request")
        headers[name] = str(text.value)
    if answer.text is not None and not isinstance(answer.text, Const):
        raise UnsayableError("the body of an answer that is made of the request")
    try:
        body = str(answer.text.value) if answer.text is not None else answer.body.decode()
    except UnicodeDecodeError:
        raise UnsayableError("the body of an answer that is no text") from None
    written: Yaml = {"status": answer.status}
    if headers:
        written["headers"] = headers
    return {"respond": {**written, "body": body} if body else written}


def _replacement(act: Act) -> Yaml:
    if act.template is None:
        raise UnsayableError("a replacement by nothing")
    return {"pattern": f"(?i){act.pattern}" if act.ignore_case else act.pattern, "by": template(act.template)}


def _value(act: Act) -> Expression:
    return Const("") if act.value is None else act.value
