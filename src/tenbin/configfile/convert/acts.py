"""The acts of rules in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.answers import body, headers
from tenbin.configfile.convert.words import UnsayableError, literal_or, template, value
from tenbin.configfile.native.document.acts import NORMALIZERS
from tenbin.configfile.native.document.rules import CONDITIONS
from tenbin.configfile.native.resolve import acts as native
from tenbin.model.expression import Concat, Const
from tenbin.model.rules import Act, Answer, Verb
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.convert.notes import Yaml
    from tenbin.model.expression import Expression

_SWITCHES = (Verb.ALLOW, Verb.REJECT, Verb.SILENT_DROP, Verb.CLOSE, Verb.DISABLE_RETRY)
_TEXTS = (Verb.SET_PATH, Verb.SET_QUERY, Verb.SET_PATHQ, Verb.SET_URI, Verb.SET_METHOD)
_NAMES = {verb: name for name, verb in (*native.VALUES.items(), *native.PATTERNS.items())}
_HEADERS = {Verb.SET_HEADER: "set_header", Verb.ADD_HEADER: "add_header", Verb.EARLY_HINT: "early_hint"}
_BY_HEADER = {Verb.REPLACE_HEADER: "replace_header", Verb.REPLACE_VALUE: "replace_value"}
_LISTS = {Verb.DEL_MAP: "remove_from_map", Verb.ADD_ACL: "add_to_list", Verb.DEL_ACL: "remove_from_list"}
_KNOWN = {Verb.DENY: "deny", Verb.TARPIT: "tarpit", Verb.RETURN: "respond"}


def said(act: Act, *, answer: bool) -> Yaml:
    """Write what a rule does; `answer`: to answers. Raises `UnsayableError`."""
    if act.verb in _SWITCHES:
        return {act.verb.value if act.verb is not Verb.DISABLE_RETRY else "disable_retry": True}
    for table, write in (
        (_KNOWN, _answered),
        (_HEADERS, _header),
        (_BY_HEADER, _replaced_header),
        (_LISTS, _entry),
        (_OTHERS, _other),
    ):
        if act.verb in table:
            return write(act, answer)
    if act.verb in _TEXTS:
        return {_NAMES[act.verb]: template(_value(act), answer=answer)}
    if act.verb in _NAMES and act.template is not None:
        return {_NAMES[act.verb]: _replacement(act, answer)}
    if act.verb in _NAMES and act.value is not None:
        return {_NAMES[act.verb]: literal_or(act.value, answer=answer)}
    raise UnsayableError(f"the act `{act.verb.value}`")


def _answered(act: Act, answer: bool) -> Yaml:
    found = act.answer or Answer(403)
    if act.method:
        raise UnsayableError("the page of a status as it is in force when it is given (`default-errorfiles`)")
    name = _KNOWN[act.verb]
    has_text = found.text is not None and not isinstance(found.text, Const)
    plain = "" if has_text else body(found)
    written: Yaml = {"status": found.status}
    if found.reason:
        written["reason"] = found.reason
    if own := headers(found.headers, typed=bool(plain or has_text), answer=answer):
        written["headers"] = own
    if has_text and found.text is not None:
        written["text"] = template(found.text, answer=answer)
    elif plain:
        written["body"] = plain
    return {name: written["status"] if len(written) == 1 else written}


def _header(act: Act, answer: bool) -> Yaml:
    return {_HEADERS[act.verb]: {act.name: template(_value(act), answer=answer)}}


def _replaced_header(act: Act, answer: bool) -> Yaml:
    return {_BY_HEADER[act.verb]: {act.name: _replacement(act, answer)}}


def _entry(act: Act, answer: bool) -> Yaml:
    return {_LISTS[act.verb]: {"list": _list(act), "key": template(_value(act), answer=answer)}}


def _redirect(act: Act, answer: bool) -> Yaml:
    written: Yaml = {"location": template(_value(act), answer=answer), "code": act.number}
    if act.method:
        raise UnsayableError(f"a redirect with `{act.method}`")
    if act.answer is not None:
        written["headers"] = headers(act.answer.headers, typed=False, answer=answer)
    return {"redirect": written}


def _deletion(act: Act, _: bool) -> Yaml:
    return {"remove_header": [act.name]} if act.method in ("", "str") else {"remove_headers": {act.method: act.name}}


def _variable(act: Act, answer: bool) -> Yaml:
    words = {called: word for word, called in CONDITIONS.items()}
    only = {"only_if": [words[one] for one in act.method.split(",")]} if act.method else {}
    tree = _value(act)
    if isinstance(tree, Concat):
        return {"set_variable_text": {act.name: template(tree, answer=answer)}, **only}
    return {"set_variable": {act.name: literal_or(tree, answer=answer)}, **only}


def _status(act: Act, _: bool) -> Yaml:
    return {"set_status": {"status": act.number, "reason": act.name} if act.name else act.number}


def _pause(act: Act, _: bool) -> Yaml:
    if not isinstance(act.value, Const):
        raise UnsayableError("a pause whose length is made of the request")
    return {"pause": f"{act.value.value}ms"}


def _timeout(act: Act, answer: bool) -> Yaml:
    tree = _value(act)
    if isinstance(tree, Const) and isinstance(tree.value, int):
        return {"set_timeout": {act.name: str(Duration(tree.value))}}
    return {"set_timeout": {act.name: value(tree, answer=answer)}}


def _map(act: Act, answer: bool) -> Yaml:
    to = template(act.to if act.to is not None else Const(""), answer=answer)
    return {"set_map": {"map": _list(act), "key": template(_value(act), answer=answer), "value": to}}


def _track(act: Act, answer: bool) -> Yaml:
    return {"track": {"key": value(_value(act), answer=answer), "table": act.name, "slot": act.number}}


def _count(act: Act, answer: bool) -> Yaml:
    written: Yaml = {"slot": act.number, "counter": act.name or "gpc"}
    if not act.name:
        written["index"] = act.index
    if act.value is not None:
        written["by"] = literal_or(act.value, answer=answer)
    return {"count": written}


def _tag(act: Act, answer: bool) -> Yaml:
    written: Yaml = {"slot": act.number, "counter": act.name or "gpt", "index": act.index}
    return {"tag": {**written, "value": literal_or(_value(act), answer=answer)}}


def _normalization(act: Act, _: bool) -> Yaml:
    return {"normalize": {"by": act.name, NORMALIZERS[act.name]: True} if act.number else act.name}


def _waiting(act: Act, _: bool) -> Yaml:
    return {"wait_for_body": {"time": str(Duration(act.number)), "at_least": act.index}}


_OTHERS: dict[Verb, Callable[[Act, bool], Yaml]] = {
    Verb.REDIRECT: _redirect,
    Verb.DEL_HEADER: _deletion,
    Verb.SET_VAR: _variable,
    Verb.UNSET_VAR: lambda act, _: {"unset_variable": [act.name]},
    Verb.SET_STATUS: _status,
    Verb.SET_LOG_LEVEL: lambda act, _: {"log_level": act.name},
    Verb.PAUSE: _pause,
    Verb.SET_TIMEOUT: _timeout,
    Verb.SET_MAP: _map,
    Verb.TRACK: _track,
    Verb.INC_GPC: _count,
    Verb.ADD_GPC: _count,
    Verb.SET_GPT: _tag,
    Verb.NORMALIZE_URI: _normalization,
    Verb.WAIT_BODY: _waiting,
}


def _other(act: Act, answer: bool) -> Yaml:
    return _OTHERS[act.verb](act, answer)


def _replacement(act: Act, answer: bool) -> Yaml:
    if act.template is None:
        raise UnsayableError("a replacement by nothing")
    pattern = f"(?i){act.pattern}" if act.ignore_case else act.pattern
    return {"pattern": pattern, "by": template(act.template, answer=answer)}


def _list(act: Act) -> str:
    if "@" in act.name:
        raise UnsayableError("a list without a file of its own")
    return act.name


def _value(act: Act) -> Expression:
    return Const("") if act.value is None else act.value
