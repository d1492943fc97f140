"""Directives of a haproxy.cfg for which the native language has no words as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.convert.notes import Notes
    from tenbin.configfile.haproxy import Entry

_LOG = "the access log is one for all: see `log`"
_PAGE = "the statistics page of HAProxy: `admin` has Tenbin's own, with metrics"
_ANSWER = "own answers by status: rules and routes have `respond`"
_REASONS = {
    "stats socket": "the runtime API of HAProxy: `tenbin server` and the admin API do its work",
    "stats timeout": "the runtime API of HAProxy: `tenbin server` and the admin API do its work",
    "stats": _PAGE,
    "log": _LOG,
    "log-format": _LOG,
    "log-format-sd": _LOG,
    "error-log-format": _LOG,
    "log-tag": _LOG,
    "log-send-hostname": _LOG,
    "option httplog": _LOG,
    "option httpslog": _LOG,
    "option tcplog": _LOG,
    "option dontlognull": _LOG,
    "option dontlog-normal": _LOG,
    "option log-separate-errors": _LOG,
    "option logasap": _LOG,
    "capture": _LOG,
    "errorfile": _ANSWER,
    "errorfiles": _ANSWER,
    "errorloc": _ANSWER,
    "errorloc302": _ANSWER,
    "errorloc303": _ANSWER,
    "http-error": _ANSWER,
    "compression": "compression of answers",
    "userlist": "lists of users",
    "unique-id-header": "ids of requests",
    "setenv": "variables of the environment that the file sets",
    "presetenv": "variables of the environment that the file sets",
}


def directives(report: Sequence[Entry], notes: Notes) -> None:
    """Note those that have an effect in HAProxy's language and none in the native one."""
    for entry in report:
        if entry.standing in (Standing.IGNORED, Standing.REFUSED):
            continue
        words = entry.directive.split()
        reason = _REASONS.get(" ".join(words[:2])) or _REASONS.get(words[0] if words else "")
        if reason and words[:1] != ["no"]:
            notes.add(f"{entry.file}:{entry.line}", f"{reason} ({entry.directive})")
