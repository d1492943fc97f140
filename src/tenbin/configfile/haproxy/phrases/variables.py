"""Names of variables, `txn.user`, and the conditions under which they are set."""

from __future__ import annotations

import re

from tenbin.configfile.haproxy.phrases.words import Wrong
from tenbin.configfile.suggest import did_you_mean

SCOPES = ("proc", "sess", "txn", "req", "res", "check")
CONDITIONS = ("ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt")

_ALLOWED = re.compile(r"[A-Za-z0-9_.]+")


def check(name: str) -> str:
    """Return the name of a variable if it can be one."""
    scope, dot, own = name.partition(".")
    if not dot or scope not in SCOPES:
        message = (
            f"invalid variable name '{name}'. A variable name must be start by its scope. "
            "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
        )
        raise Wrong(message, hint=did_you_mean(scope, SCOPES) if dot else "")
    if not own or not _ALLOWED.fullmatch(own):
        raise Wrong(f"invalid variable name '{name}'", hint="letters, digits, `_` and `.` after the scope")
    return name


def check_condition(name: str) -> str:
    """Return the condition under which a variable is set if there is such a one."""
    if name not in CONDITIONS:
        raise Wrong(f'unknown condition "{name}"', hint=did_you_mean(name, CONDITIONS))
    return name
