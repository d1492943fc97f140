"""Which phase knows which action, and who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import bandwidth
from tenbin.configfile.haproxy.phrases.actions import answers, course, messages, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.phrases.actions.line import Line
    from tenbin.model.rules import Act

    Parser = Callable[[Line], Act | None]

DIRECTIVES = {
    "connection": "tcp-request connection",
    "session": "tcp-request session",
    "content": "tcp-request content",
    "request": "http-request",
    "answer_content": "tcp-response content",
    "answer": "http-response",
    "after": "http-after-response",
}
"""What HAProxy calls the phases."""

_TCP = ("connection", "session", "content")
_HTTP = ("request", "answer", "after")
_REQUEST = ("content", "request")
_ALL = tuple(DIRECTIVES)
_NOT_AFTER = tuple(phase for phase in _ALL if phase != "after")

PARSERS: dict[str, tuple[Parser, tuple[str, ...]]] = {
    "accept": (course.end, (*_TCP, "answer_content")),
    "allow": (course.end, _HTTP),
    "reject": (course.end, (*_TCP, "request", "answer_content")),
    "expect-proxy": (course.expect_proxy, ("connection",)),
    "switch-mode": (course.switch_mode, ("content",)),
    "close": (course.end, ("answer_content",)),
    "silent-drop": (course.end, _NOT_AFTER),
    "disable-l7-retry": (course.end, ("request",)),
    "deny": (answers.deny, ("request", "answer")),
    "tarpit": (answers.deny, ("request",)),
    "return": (answers.respond, ("request", "answer")),
    "redirect": (answers.redirect, ("request", "answer")),
    "auth": (answers.auth, ("request",)),
    "use-service": (course.service, _REQUEST),
    "set-header": (messages.set_header, _HTTP),
    "add-header": (messages.set_header, _HTTP),
    "early-hint": (messages.set_header, ("request",)),
    "del-header": (messages.del_header, _HTTP),
    "replace-header": (messages.replace_header, _HTTP),
    "replace-value": (messages.replace_header, _HTTP),
    "set-method": (messages.set_target, ("request",)),
    "set-path": (messages.set_target, ("request",)),
    "set-pathq": (messages.set_target, ("request",)),
    "set-query": (messages.set_target, ("request",)),
    "set-uri": (messages.set_target, ("request",)),
    "replace-path": (messages.replace_target, ("request",)),
    "replace-pathq": (messages.replace_target, ("request",)),
    "replace-uri": (messages.replace_target, ("request",)),
    "normalize-uri": (messages.normalize_uri, ("request",)),
    "set-status": (messages.set_status, ("answer", "after")),
    "set-src": (messages.set_address, (*_TCP, "request")),
    "set-src-port": (messages.set_address, (*_TCP, "request")),
    "set-dst": (messages.set_address, (*_TCP, "request")),
    "set-dst-port": (messages.set_address, (*_TCP, "request")),
    "set-var": (state.set_var, _ALL),
    "set-var-fmt": (state.set_var, _ALL),
    "unset-var": (state.unset_var, _ALL),
    "track-sc": (state.track, (*_TCP, "request", "answer", "answer_content")),
    "sc-inc-gpc": (state.count, _ALL),
    "sc-inc-gpc0": (state.count, _ALL),
    "sc-inc-gpc1": (state.count, _ALL),
    "sc-add-gpc": (state.count, _ALL),
    "sc-set-gpt": (state.tag, _ALL),
    "sc-set-gpt0": (state.tag, _ALL),
    "capture": (state.capture, ("content", "request", "answer", "after")),
    "set-map": (state.change_list, _HTTP),
    "del-map": (state.change_list, _HTTP),
    "add-acl": (state.change_list, _HTTP),
    "del-acl": (state.change_list, _HTTP),
    "set-timeout": (course.set_timeout, ("request", "answer")),
    "set-log-level": (course.set_log_level, ("content", "request", "answer_content", "answer", "after")),
    "set-bandwidth-limit": (bandwidth.set_limit, ("content", "request", "answer_content", "answer")),
    "set-priority-class": (course.set_priority, _REQUEST),
    "set-priority-offset": (course.set_priority, _REQUEST),
    "set-retries": (course.set_retries, _REQUEST),
    "wait-for-body": (course.wait_body, ("request", "answer")),
    "pause": (course.pause, ("request", "answer")),
    "set-nice": (course.ignored, ("content", "request", "answer_content", "answer")),
    "set-mark": (course.ignored, _NOT_AFTER),
    "set-tos": (course.ignored, _NOT_AFTER),
    "set-fc-mark": (course.ignored, _NOT_AFTER),
    "set-fc-tos": (course.ignored, _NOT_AFTER),
    "set-bc-mark": (course.ignored, _REQUEST),
    "set-bc-tos": (course.ignored, _REQUEST),
    "strict-mode": (course.ignored, _HTTP),
    "wait-for-handshake": (course.ignored, ("request",)),
}
"""Every action with the phases that know it."""


def known(phase: str) -> list[str]:
    """The actions of a phase, for hints."""
    return [name for name, (_, phases) in PARSERS.items() if phase in phases]
