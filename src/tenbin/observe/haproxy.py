"""What happens to servers and frontends, in the words that people and programs know from HAProxy.

Owns the wording and the severities; lines about states of servers are those of `tenbin.observe.haproxy_servers`. Pure:
who reads it, on stderr or over syslog, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.observe import haproxy_servers as servers

if TYPE_CHECKING:
    from collections.abc import Mapping

EMERGENCY, WARNING, NOTICE = 0, 4, 5


@dataclass(frozen=True, slots=True)
class Told:
    """One event: `backend` whose it is, the line of a log with its severity, and the label and text on stderr."""

    backend: str
    severity: int
    line: str
    label: str
    text: str


def told(event: str, fields: Mapping[str, object]) -> tuple[Told, ...]:
    """Return an event of the journal in HAProxy's words; none for one that it has no words for."""
    if event in {"server_health", "server_stopping", "server_admin"}:
        lines = servers.told(event, fields) if "active" in fields else ()
        return tuple(_same(fields, severity, line) for severity, line in lines)
    one = _one(event, fields)
    return (one,) if one is not None else ()


def _one(event: str, fields: Mapping[str, object]) -> Told | None:
    match event:
        case "server_checked":
            return _same(fields, NOTICE, _check(fields))
        case "backend_lost":
            kind = fields.get("kind", "backend")
            has = "has no server available!"
            backend = str(fields["backend"])
            return Told(backend, EMERGENCY, f"{kind} {backend} {has}", "error", f"{kind} '{backend}' {has}")
        case "frontend_paused":
            return _same(fields, WARNING, f"Paused frontend {fields['backend']}.")
        case "frontend_resumed":
            return _same(fields, WARNING, f"Resumed frontend {fields['backend']}.")
        case "proxy_stopped":
            connections = f"FE: {fields['connections']}, BE: {fields['sessions']}"
            return _same(fields, WARNING, f"Proxy {fields['backend']} stopped (cumulated conns: {connections}).")
        case _:
            return None


def _same(fields: Mapping[str, object], severity: int, text: str) -> Told:
    return Told(str(fields["backend"]), severity, text, "warning", text)


def _check(fields: Mapping[str, object]) -> str:
    backup = "backup " if fields["backup"] else ""
    outcome = "succeeded" if fields["passed"] else "failed"
    if fields["status"] == "L7OKC":
        outcome = "conditionally succeeded"
    level, rise, fall = (int(str(fields[name])) for name in ("level", "rise", "fall"))
    standing = f"{level - rise + 1}/{fall} UP" if level >= rise else f"{level}/{rise} DOWN"
    name = f"{backup}server {fields['backend']}/{fields['server']}"
    return f"{fields['asked']} check for {name} {outcome}{servers.because(fields)}, status: {standing}."
