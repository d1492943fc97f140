"""What happens to servers, in the words that people and programs know from HAProxy.

Owns the wording and the severities. Pure: who reads it, on stderr or over syslog, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EMERGENCY, ALERT, WARNING, NOTICE = 0, 1, 4, 5


@dataclass(frozen=True, slots=True)
class Told:
    """One event: `backend` whose it is, the line of a log with its severity, and the label and text on stderr."""

    backend: str
    severity: int
    line: str
    label: str
    text: str


def told(event: str, fields: Mapping[str, object]) -> Told | None:
    """Return an event of the journal in HAProxy's words; None for one that it has no words for."""
    match event:
        case "server_health" if "active" in fields:
            return _server(fields)
        case "server_checked":
            return _same(fields, NOTICE, _check(fields))
        case "backend_lost":
            kind = fields.get("kind", "backend")
            has = "has no server available!"
            backend = str(fields["backend"])
            return Told(backend, EMERGENCY, f"{kind} {backend} {has}", "error", f"{kind} '{backend}' {has}")
        case "proxy_stopped":
            connections = f"FE: {fields['connections']}, BE: {fields['sessions']}"
            return _same(fields, WARNING, f"Proxy {fields['backend']} stopped (cumulated conns: {connections}).")
        case _:
            return None


def _same(fields: Mapping[str, object], severity: int, text: str) -> Told:
    return Told(str(fields["backend"]), severity, text, "warning", text)


def _server(fields: Mapping[str, object]) -> Told:
    backup = "Backup " if fields["backup"] else ""
    down = fields["health"] == "down"
    text = f"{backup}Server {fields['backend']}/{fields['server']} is {'DOWN' if down else 'UP'}"
    if fields.get("leader"):
        text += f" via {fields['leader']}"
    elif not fields["told_before"]:
        text += _because(fields)
    active, backups = fields["active"], fields["backups"]
    text += f". {active} active and {backups} backup servers {'left' if down else 'online'}."
    if not active and backups:
        text += " Running on backup."
    sessions, queue = fields["sessions"], fields["queue"]
    if down:
        text += f" {sessions} sessions active, 0 requeued, {queue} remaining in queue."
    else:
        text += f" 0 sessions requeued, {queue} total in queue."
    return _same(fields, ALERT if down else NOTICE, text)


def _check(fields: Mapping[str, object]) -> str:
    backup = "backup " if fields["backup"] else ""
    outcome = "succeeded" if fields["passed"] else "failed"
    if fields["status"] == "L7OKC":
        outcome = "conditionally succeeded"
    level, rise, fall = (int(str(fields[name])) for name in ("level", "rise", "fall"))
    standing = f"{level - rise + 1}/{fall} UP" if level >= rise else f"{level}/{rise} DOWN"
    return (
        f"Health check for {backup}server {fields['backend']}/{fields['server']} {outcome}{_because(fields)}, "
        f"status: {standing}."
    )


def _because(fields: Mapping[str, object]) -> str:
    text = f", reason: {fields['check']}"
    if fields.get("code", "") != "":
        text += f", code: {fields['code']}"
    if fields.get("info"):
        text += f', info: "{fields["info"]}"'
    lasted = int(str(fields["duration_ms"]))
    return text if lasted < 0 else f"{text}, check duration: {lasted}ms"
