"""Directives of a haproxy.cfg that are no settings of the native language: what does their work there, if anything.

Owns what becomes of each part of the model that only HAProxy's language asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.convert.notes import Notes
    from tenbin.configfile.haproxy import Entry
    from tenbin.model import Config

_API = "HAProxy's runtime API: `tenbin server` and the admin API do its work; write `admin: 127.0.0.1:8404` for it"
_PAGE = "HAProxy's statistics page: write `admin: 127.0.0.1:8404` for Tenbin's own, with metrics"
_LOG = "lines and targets of HAProxy's forms: the access log is one for all, see `log`"
_PROCESS = "how the process is started is not told by the file: see `tenbin run --help`"
_NUMBER = "numbers of proxies count in HAProxy's statistics only"
_CHANGED = "values of the environment are put into the file as they are now"

OF_COMPAT = {
    "version": "",
    "proxies": _NUMBER,
    "sockets": _API,
    "pages": _PAGE,
    "userlists": "lists of users",
    "admin_rules": _PAGE,
    "maxconn": "",
    "node": _PAGE,
    "description": _PAGE,
    "pidfile": _PROCESS,
    "daemon": _PROCESS,
    "master": _PROCESS,
    "environment": _CHANGED,
    "logs": _LOG,
}
"""What is told of each member of `Compat`; "" where the same stands in another member of the configuration."""

_ELSEWHERE = {
    **dict.fromkeys(("stats socket", "stats timeout"), _API),
    **dict.fromkeys(("stats", "node", "description"), _PAGE),
    **dict.fromkeys(("log", "log-format", "log-format-sd", "error-log-format", "log-tag", "log-send-hostname"), _LOG),
    **dict.fromkeys(("option httplog", "option httpslog", "option tcplog", "option log-health-checks"), _LOG),
    **dict.fromkeys(("option dontlognull", "option dontlog-normal", "option log-separate-errors"), _LOG),
    **dict.fromkeys(("option logasap", "capture"), _LOG),
    **dict.fromkeys(("pidfile", "daemon", "master-worker"), _PROCESS),
    **dict.fromkeys(("setenv", "presetenv", "unsetenv", "resetenv"), _CHANGED),
    "id": _NUMBER,
}
_LOST = {"userlist": OF_COMPAT["userlists"]}


def directives(config: Config, report: Sequence[Entry], notes: Notes) -> None:
    """Note those that have an effect in HAProxy's language and none in the native one."""
    for entry in report:
        if entry.standing in (Standing.IGNORED, Standing.REFUSED):
            continue
        words = entry.directive.split()
        if words[:1] == ["no"] or not words:
            continue
        place = f"{entry.file}:{entry.line}"
        names = (" ".join(words[:2]), words[0])
        if lost := next((_LOST[name] for name in names if name in _LOST), ""):
            notes.add(place, f"{lost} ({entry.directive})")
        elif told := next((_ELSEWHERE[name] for name in names if name in _ELSEWHERE), ""):
            notes.elsewhere(place, f"{told} ({entry.directive})")
    if config.compat is not None:
        users = {one.name for one in config.compat.userlists}
        notes.dropped.update(id(one) for one in config.lists if one.name in users)
