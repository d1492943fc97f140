"""What the journal says, one pure function a kind of event.

Owns the wording, the level and the machine-readable fields of every control-plane event. Performs nothing: the
journal writes what these functions return.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tenbin.model import Admin, Health

if TYPE_CHECKING:
    from tenbin.model import Address, ServerId
    from tenbin.plan import wire

Field = str | int | bool


class Level(StrEnum):
    """How much an operator should care; `error` means that clients are, or may soon be, affected."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One event in words: `event` is its stable name, `details` may have several lines."""

    level: Level
    event: str
    text: str
    fields: tuple[tuple[str, Field], ...] = ()
    details: str = ""


def server_health(server: ServerId, health: Health, reason: str, *, up: int, total: int) -> Sentence:
    """A server's health changed; `up` of `total` servers of its backend are up afterwards."""
    because = f": {reason}" if reason else ""
    return Sentence(
        Level.WARNING if health is Health.DOWN else Level.INFO,
        "server_health",
        f"server {server} is {health.upper()}{because}; {_servers_up(up, total)}",
        (*_server(server), ("health", health), ("reason", reason), ("up", up), ("total", total)),
    )


def server_stopping(server: ServerId, reason: str, *, up: int, total: int) -> Sentence:
    """A server is up and wants no new work."""
    return Sentence(
        Level.INFO,
        "server_stopping",
        f"server {server} gets no new work: {reason}; {_servers_up(up, total)}",
        (*_server(server), ("reason", reason), ("up", up), ("total", total)),
    )


def backend_lost(backend: str, total: int) -> Sentence:
    """The last usable server is gone."""
    why = "it has no servers" if total == 0 else f"none of {total} {_plural('server', total)} may get work"
    return Sentence(
        Level.ERROR,
        "backend_lost",
        f"backend {backend} has no server up: {why}, clients get 503",
        (("backend", backend), ("total", total)),
    )


def backend_returned(backend: str, *, up: int, total: int) -> Sentence:
    """A backend without a usable server has one again."""
    return Sentence(
        Level.INFO,
        "backend_returned",
        f"backend {backend} serves again; {_servers_up(up, total)}",
        (("backend", backend), ("up", up), ("total", total)),
    )


def server_checked(server: ServerId, status: str, fields: tuple[tuple[str, Field], ...]) -> Sentence:
    """A check found something new, where every such finding is to be told."""
    text = f"check of server {server}: {status}"
    return Sentence(Level.INFO, "server_checked", text, (*_server(server), ("status", status), *fields))


def server_admin(server: ServerId, old: Admin, new: Admin) -> Sentence:
    """An operator changed what is wanted of a server."""
    meaning = {
        Admin.READY: "it gets new work when its health allows",
        Admin.DRAIN: "existing work ends, new work goes elsewhere",
        Admin.MAINT: "no work, no checks",
    }[new]
    return Sentence(
        Level.INFO,
        "server_admin",
        f"server {server} is set to {new} (was {old}): {meaning}",
        (*_server(server), ("old", old), ("new", new)),
    )


def server_led(server: ServerId, old: Admin, new: Admin) -> Sentence:
    """Something else is wanted of the server that this one follows."""
    fields = (*_server(server), ("old", old), ("new", new))
    return Sentence(Level.INFO, "server_admin", f"server {server} is {new} with the one that it follows", fields)


def server_weight(server: ServerId, old: int, new: int) -> Sentence:
    """An operator changed a weight."""
    meaning = ": it gets no new work" if new == 0 else ""
    return Sentence(
        Level.INFO,
        "server_weight",
        f"server {server} has weight {new} (was {old}){meaning}",
        (*_server(server), ("old", old), ("new", new)),
    )


def server_resolved(server: ServerId, host: str, address: Address, old: Address | None) -> Sentence:
    """A server's name has its first or another address."""
    was = f" (was {old})" if old else ""
    return Sentence(
        Level.INFO,
        "server_resolved",
        f"server {server} resolves: {host} is {address}{was}",
        (*_server(server), ("host", host), ("address", str(address))),
    )


def server_unresolved(server: ServerId, host: str, reason: str) -> Sentence:
    """A server's name has no address; it gets no work until it has one."""
    return Sentence(
        Level.WARNING,
        "server_unresolved",
        f"server {server} gets no work: {host} does not resolve: {reason}",
        (*_server(server), ("host", host), ("reason", reason)),
    )


def server_event(event: wire.ServerEvent, *, up: int, total: int) -> Sentence:
    """The data plane took a server out after what requests met, or took it back."""
    server = f"{event.backend}/{event.server}"
    fields = (("backend", event.backend), ("server", event.server), ("reason", event.reason))
    if event.event == "ejected":
        text = f"server {server} is EJECTED for {event.until / 1000:g} s: {event.reason}; {_servers_up(up, total)}"
        return Sentence(Level.WARNING, "server_ejected", text, (*fields, ("until_ms", event.until)))
    text = f"server {server} is back after its ejection; {_servers_up(up, total)}"
    return Sentence(Level.INFO, "server_readmitted", text, fields)


def notice(event: wire.NoticeEvent) -> Sentence:
    """The data plane says something an operator should read."""
    return Sentence(Level(event.level), "dataplane_notice", f"data plane: {event.text}")


def started(version: str, pid: int, origin: str) -> Sentence:
    """The control plane is up."""
    return Sentence(
        Level.INFO,
        "started",
        f"tenbin {version} runs {origin or 'without a file'} (process {pid})",
        (("version", version), ("pid", pid), ("origin", origin)),
    )


def stopping(*, now: bool, drain: float) -> Sentence:
    """The process begins to stop; `drain` is how many seconds work in progress has."""
    text = "stops now" if now else f"stops: no new connections, work in progress has {drain:g} s to end"
    return Sentence(Level.INFO, "stopping", text, (("now", now),))


def frontend_held(frontend: str, *, paused: bool) -> Sentence:
    """A frontend listens no more until it is enabled again, or listens again."""
    event, what = ("frontend_paused", "does not listen") if paused else ("frontend_resumed", "listens again")
    return Sentence(Level.INFO, event, f"{frontend} {what}", (("backend", frontend),))


def proxy_stopped(proxy: str, connections: int, sessions: int) -> Sentence:
    """A section of HAProxy's language accepts no more; what it had from clients, and gave to servers."""
    fields = (("backend", proxy), ("connections", connections), ("sessions", sessions))
    return Sentence(Level.INFO, "proxy_stopped", f"{proxy} takes no more: it had {connections} connections", fields)


def reloaded(generation: int, summary: str) -> Sentence:
    """A new configuration is applied; `summary` says what changed."""
    return Sentence(Level.INFO, "reloaded", summary, (("generation", generation),))


def reload_refused(generation: int, problems: str) -> Sentence:
    """A new configuration cannot be used; the old one stays."""
    return Sentence(
        Level.ERROR,
        "reload_refused",
        f"reload refused, generation {generation} stays in force",
        (("generation", generation),),
        problems,
    )


def dataplane_attached(pid: int, generation: int, *, spawned: bool) -> Sentence:
    """The data plane answers: one that was just started, or one that has been serving all along."""
    how = "started" if spawned else f"attached, it serves generation {generation}"
    return Sentence(
        Level.INFO,
        "dataplane_attached",
        f"data plane {how} (process {pid})",
        (("pid", pid), ("generation", generation), ("spawned", spawned)),
    )


def dataplane_lost(pid: int, reason: str) -> Sentence:
    """The data plane ended or does not answer; it is started again at once."""
    return Sentence(
        Level.ERROR,
        "dataplane_lost",
        f"data plane lost (process {pid}): {reason}; starting it again with the same sockets",
        (("pid", pid), ("reason", reason)),
    )


def admin_request(client: str, action: str, outcome: str) -> Sentence:
    """Someone changed something over the admin API: who, what, and what came of it."""
    return Sentence(
        Level.INFO,
        "admin_request",
        f"admin API: {action} by {client}: {outcome}",
        (("client", client), ("action", action), ("outcome", outcome)),
    )


def wrong_token(client: str, count: int, *, shut_out: float) -> Sentence:
    """Someone sends wrong tokens; `shut_out`: for so many seconds none of theirs is looked at (0: not yet)."""
    times = f"{count} {_plural('time', count)}"
    end = f", and is shut out for {shut_out:g} s" if shut_out else ""
    text = f"admin API: {client} sent a wrong token {times}{end}"
    return Sentence(Level.WARNING, "wrong_token", text, (("client", client), ("count", count)))


def journal_dropped(lines: int) -> Sentence:
    """Nobody read the journal's stream for a while; the events themselves were kept for the API."""
    text = f"{lines} journal {_plural('line', lines)} lost: the reader of this log did not keep up"
    return Sentence(Level.WARNING, "journal_dropped", text, (("lines", lines),))


def internal_error(where: str, traceback: str) -> Sentence:
    """A bug: something failed that must not; what it was doing and Python's traceback."""
    return Sentence(Level.ERROR, "internal_error", f"internal error in {where}", (("where", where),), traceback)


def _server(server: ServerId) -> tuple[tuple[str, Field], ...]:
    return ("backend", server.backend), ("server", server.server)


def _servers_up(up: int, total: int) -> str:
    return f"{up} of {total} {_plural('server', total)} up"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
