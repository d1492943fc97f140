"""Since when servers and backends serve or do not, how often they stopped, and for how long in all.

Owns what counts as an outage: a server that is down, in maintenance or without an address; a backend none of whose
servers may get new work. Draining is none, nor is an ejection, which is short and never takes the last server. Knows
no clock: seconds are the caller's, on one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.model import Admin, Health, ServerId
from tenbin.state.overlay import servers_in, wanted_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.model import Server
    from tenbin.state.overlay import ServerOverlay
    from tenbin.state.store import State


@dataclass(frozen=True, slots=True)
class Service:
    """Whether one serves and `since` when; `downs` times it stopped, `before` seconds in outages that have ended."""

    serving: bool
    since: float
    downs: int = 0
    before: float = 0.0

    def downtime(self, now: float) -> float:
        """Return the seconds of all outages, the present one included."""
        return self.before if self.serving else self.before + max(now - self.since, 0.0)

    def turned(self, now: float, *, serving: bool) -> Service:
        """Return what it is from `now` on."""
        if serving is self.serving:
            return self
        return Service(serving, now, self.downs + (not serving), self.downtime(now))

    @property
    def is_plain(self) -> bool:
        """Whether it never stopped, so that nothing is worth keeping."""
        return self.serving and not self.downs and not self.before


@dataclass(frozen=True, slots=True)
class Outages:
    """All that is known at one moment: servers by their names across snapshots, backends by theirs."""

    servers: Mapping[ServerId, Service]
    backends: Mapping[str, Service]

    @property
    def worth_keeping(self) -> Outages:
        """The same without those that never stopped."""
        return Outages(
            {name: entry for name, entry in self.servers.items() if not entry.is_plain},
            {name: entry for name, entry in self.backends.items() if not entry.is_plain},
        )


class OutageBook:
    """Keeps count; begins with what an earlier control plane knew."""

    def __init__(self, earlier: Outages | None = None) -> None:
        self._servers = dict(earlier.servers) if earlier else {}
        self._backends = dict(earlier.backends) if earlier else {}
        self._working: dict[str, set[str]] = {}
        self.version = 0

    @property
    def outages(self) -> Outages:
        """What is known now."""
        return Outages(dict(self._servers), dict(self._backends))

    def server(self, server: ServerId) -> Service | None:
        """Return one server's; None when it is not known."""
        return self._servers.get(server)

    def backend(self, backend: str) -> Service | None:
        """Return one backend's; None when it is not known."""
        return self._backends.get(backend)

    def follow(self, state: State, now: float) -> None:
        """Count every server and backend of a state, and forget those that it does not have.

        One that is new begins as it is, which is not a stop.
        """
        servers: dict[ServerId, Service] = {}
        self._working = {}
        for backend in state.config.backends:
            working = self._working[backend.name] = set[str]()
            for name, server in servers_in(backend):
                entry = state.overlay.of(name)
                servers[name] = _next(self._servers.get(name), now, serving=in_service(server, entry))
                if gets_work(server, entry):
                    working.add(name.server)
        backends = {
            name: _next(self._backends.get(name), now, serving=bool(working)) for name, working in self._working.items()
        }
        self._replace(servers, backends)

    def note(self, name: ServerId, server: Server, entry: ServerOverlay, now: float) -> None:
        """Count a change of one server; cheap however many there are."""
        working = self._working.setdefault(name.backend, set())
        if gets_work(server, entry):
            working.add(name.server)
        else:
            working.discard(name.server)
        after = _next(self._servers.get(name), now, serving=in_service(server, entry))
        backend = _next(self._backends.get(name.backend), now, serving=bool(working))
        if after is not self._servers.get(name) or backend is not self._backends.get(name.backend):
            self._servers[name], self._backends[name.backend] = after, backend
            self.version += 1

    def _replace(self, servers: dict[ServerId, Service], backends: dict[str, Service]) -> None:
        if servers != self._servers or backends != self._backends:
            self._servers, self._backends = servers, backends
            self.version += 1


def in_service(server: Server, entry: ServerOverlay) -> bool:
    """Whether a server serves at all, be it only what it has already."""
    resolved = entry.address is not None or server.address.is_literal
    return resolved and wanted_of(server, entry) is not Admin.MAINT and entry.health is not Health.DOWN


def gets_work(server: Server, entry: ServerOverlay) -> bool:
    """Whether a server may get new work."""
    weight = server.weight if entry.weight is None else entry.weight
    return weight > 0 and not entry.stopping and wanted_of(server, entry) is Admin.READY and in_service(server, entry)


def _next(before: Service | None, now: float, *, serving: bool) -> Service:
    return before.turned(now, serving=serving) if before else Service(serving, now)
