"""Lines of HAProxy's log about states of servers: up, down, stopping, draining, in maintenance.

Owns which lines a change of one server makes, their words and severities. Pure; the facts come as fields of the
journal's sentences: how a server was and is (`own`, `led`, `down`, `stopping`), and what is left of its backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALERT, NOTICE = 1, 5


def told(event: str, fields: Mapping[str, object]) -> tuple[tuple[int, str], ...]:
    """Return what is said of one change, each with its severity."""
    name = f"{'Backup ' if fields['backup'] else ''}Server {fields['backend']}/{fields['server']}"
    lines = _wanted(fields) if event == "server_admin" else _met(event, fields)
    return tuple((severity, f"{name} {text}.") for severity, text in lines)


def because(fields: Mapping[str, object]) -> str:
    """Return what a check has found."""
    text = f", reason: {fields['check']}"
    if fields.get("code", "") != "":
        text += f", code: {fields['code']}"
    if fields.get("info"):
        text += f', info: "{fields["info"]}"'
    lasted = int(str(fields["duration_ms"]))
    return text if lasted < 0 else f"{text}, check duration: {lasted}ms"


def _met(event: str, fields: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    """Its health is another one."""
    state = "stopping" if event == "server_stopping" else "DOWN" if fields["down"] else "UP"
    text = f"is {state}"
    if fields["leader"]:
        text += f" via {fields['leader']}"
    elif fields["by_hand"]:
        text += ", changed from CLI"
    elif not fields["told_before"]:
        text += because(fields)
    severity = ALERT if fields["down"] and not _was_leaving(fields) else NOTICE
    yield severity, text + _left(fields, down=bool(fields["down"]))
    if _is(fields, "drain"):
        yield NOTICE, _still_draining(fields)


def _wanted(fields: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    """Something else is wanted of it, or of the server that it follows."""
    maint, was_maint = _is(fields, "maint"), _was(fields, "maint")
    if maint and was_maint:
        yield from _stays(fields)
        return
    if maint:
        yield from _enters_maintenance(fields)
        return
    if was_maint:
        how = "forced maintenance" if fields["own_before"] == "maint" else "maintenance"
        then = "DRAIN" if _is(fields, "drain") else "READY"
        yield NOTICE, f"is {_health(fields)}/{then} (leaving {how})"
    yield from _drains(fields, was_maint=was_maint)


def _stays(fields: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    if fields["own"] == "maint" and fields["led_before"] == "maint" != fields["led"]:
        yield NOTICE, "remains in forced maintenance"
    if fields["led"] == "maint" and fields["own_before"] == "maint" != fields["own"]:
        yield NOTICE, f"is leaving forced maintenance but remains in maintenance via {fields['leader']}"


def _enters_maintenance(fields: Mapping[str, object]) -> Iterator[tuple[int, str]]:
    via = "" if fields["own"] == "maint" else f" via {fields['leader']}"
    if fields["down_before"]:
        yield NOTICE, f"was DOWN and now enters maintenance{via}"
        return
    severity = NOTICE if _was_leaving(fields) else ALERT
    yield severity, f"is going DOWN for maintenance{via}{_left(fields, down=True)}"


def _drains(fields: Mapping[str, object], *, was_maint: bool) -> Iterator[tuple[int, str]]:
    drains, drained = _is(fields, "drain"), _was(fields, "drain") and not was_maint
    if drains and (drained or was_maint):
        yield NOTICE, _still_draining(fields)
    elif drains:
        via = "" if fields["own"] == "drain" else f" via {fields['leader']}"
        yield NOTICE, f"enters drain state{via}{_left(fields, down=bool(fields['down']))}"
    elif drained:
        yield NOTICE, f"is {_health(fields)} (leaving forced drain)"


def _still_draining(fields: Mapping[str, object]) -> str:
    if fields["own"] == "drain":
        return "remains in forced drain mode"
    return f"is leaving forced drain but remains in drain mode via {fields['leader']}"


def _left(fields: Mapping[str, object], *, down: bool) -> str:
    active, backups = fields["active"], fields["backups"]
    text = f". {active} active and {backups} backup servers {'left' if down else 'online'}."
    if not active and backups:
        text += " Running on backup."
    if down:
        return f"{text} {fields['sessions']} sessions active, 0 requeued, {fields['queue']} remaining in queue"
    return f"{text} 0 sessions requeued, {fields['queue']} total in queue"


def _is(fields: Mapping[str, object], admin: str) -> bool:
    return admin in (fields["own"], fields["led"])


def _was(fields: Mapping[str, object], admin: str) -> bool:
    return admin in (fields["own_before"], fields["led_before"])


def _was_leaving(fields: Mapping[str, object]) -> bool:
    """Whether it got no new work already."""
    return bool(fields["stopping_before"]) or _was(fields, "drain")


def _health(fields: Mapping[str, object]) -> str:
    return "DOWN" if fields["down"] else "UP"
