"""The status: what the file says, what runtime changed, and what was counted, in one frozen value.

Owns the types that the status table, the JSON document, Prometheus and later formats are made from, and the pure
`build` that fills them in. All times are seconds, all sizes bytes. It holds enough for every column of HAProxy's CSV
statistics that Tenbin has a source for; docs/observability.md lists those without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.model import Admin, Health, ServerId, StickyCookie
from tenbin.observe import figures
from tenbin.observe.certificates import CertificateStatus  # noqa: TC001 - pydantic reads the annotation
from tenbin.observe.checks import CheckSummary  # noqa: TC001 - pydantic reads the annotation
from tenbin.observe.condition import USABLE, Condition, Facts, condition, text
from tenbin.state.overlay import wanted_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenbin.model import Backend, Config, Frontend, Server
    from tenbin.observe.outage import Service
    from tenbin.plan import wire
    from tenbin.state.overlay import Overlay, ServerOverlay


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """One listening address; `traffic` None while the data plane has not reported on it.

    `text` is OPEN, or FULL while its frontend's limit holds further clients back.
    """

    address: str
    number: int
    position: str
    text: str
    traffic: figures.ListenerTraffic | None


@dataclass(frozen=True, slots=True)
class FrontendStatus:
    """A frontend; `number` is its place among all frontends and backends from 1, `max_connections` 0 for no limit."""

    name: str
    number: int
    mode: str
    text: str
    max_connections: int
    listeners: tuple[ListenerStatus, ...]
    traffic: figures.FrontendTraffic | None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A server as it is now.

    `weight` and `admin` are in force, `file_weight` and `file_admin` are what the file says, and `overrides` tells
    each difference in words. `text` follows HAProxy's status strings; `usable`: gets new work; `reason` and `since`
    (seconds ago, None for never) belong to the last change of health. `resolved` is the literal address in use.
    `downs` is how often it stopped serving, for `downtime` seconds in all, `changed` how many seconds ago it began
    or stopped to (None: not known); see `tenbin.observe.outage` for what counts.
    """

    backend: str
    name: str
    number: int
    address: str
    resolved: str | None
    condition: Condition
    text: str
    usable: bool
    backup: bool
    weight: int
    file_weight: int
    admin: Admin
    file_admin: Admin
    overrides: tuple[str, ...]
    health: Health
    reason: str
    since: float | None
    downs: int
    downtime: float
    changed: float | None
    max_connections: int
    max_queue: int
    max_idle: int
    cookie: str
    check: CheckSummary | None
    agent: CheckSummary | None
    traffic: figures.ServerTraffic | None

    @property
    def id(self) -> ServerId:
        """Its name across snapshots."""
        return ServerId(self.backend, self.name)


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """A backend; `active` and `backups` count its usable servers, `weight` is the sum of theirs in force.

    `up`: at least one server is usable. `cookie` is the name of the sticky cookie, "" without one. `downs`, `downtime`
    and `changed` are those of the backend as a whole, as of a server.
    """

    name: str
    number: int
    mode: str
    balance: str
    text: str
    up: bool
    active: int
    backups: int
    weight: int
    downs: int
    downtime: float
    changed: float | None
    max_queue: int
    cookie: str
    servers: tuple[ServerStatus, ...]
    traffic: figures.BackendTraffic | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at one moment.

    `generation` is the snapshot that the data plane serves (0: none), `attached` whether the data plane answers,
    `age` how many seconds ago it was asked, `origin` the configuration file.
    """

    generation: int
    origin: str
    attached: bool
    age: float
    threads: int
    max_connections: int
    process: figures.ProcessFigures | None
    frontends: tuple[FrontendStatus, ...]
    backends: tuple[BackendStatus, ...]
    certificates: tuple[CertificateStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found out besides counters about servers and backends, None of those that nobody watches.

    `certificates` are those in force, as they are now.
    """

    check: Callable[[ServerId], CheckSummary | None]
    server: Callable[[ServerId], Service | None]
    backend: Callable[[str], Service | None]
    certificates: tuple[CertificateStatus, ...] = ()
    agent: Callable[[ServerId], CheckSummary | None] = lambda _: None


def build(
    config: Config,
    overlay: Overlay,
    stats: wire.Stats | None,
    watched: Watched,
    now: float,
    age: float,
) -> Status:
    """Merge the configuration, runtime changes, counters, check results, outages and certificates.

    `stats` None: the data plane does not answer. `now` is the monotonic second that `overlay` and outages count in,
    `age` the seconds since `stats` were taken.
    """
    frontends = {entry.name: entry for entry in stats.frontends} if stats else {}
    listeners = {(entry.frontend, entry.address): entry for entry in stats.listeners} if stats else {}
    backends = {entry.name: entry for entry in stats.backends} if stats else {}
    first = len(config.frontends) + 1
    return Status(
        generation=stats.process.generation if stats else 0,
        origin=config.origin,
        attached=stats is not None,
        age=round(age, 3),
        threads=config.threads,
        max_connections=config.limits.connections,
        process=figures.process_figures(stats.process) if stats else None,
        frontends=tuple(
            _frontend(entry, number, frontends.get(entry.name), listeners)
            for number, entry in enumerate(config.frontends, 1)
        ),
        backends=tuple(
            _backend(entry, number, backends.get(entry.name), _Runtime(overlay, watched, now))
            for number, entry in enumerate(config.backends, first)
        ),
        certificates=watched.certificates,
    )


@dataclass(frozen=True, slots=True)
class _Runtime:
    overlay: Overlay
    watched: Watched
    now: float


@dataclass(frozen=True, slots=True)
class _Spell:
    downs: int
    downtime: float
    changed: float | None

    @staticmethod
    def of(service: Service | None, now: float) -> _Spell:
        if service is None:
            return _Spell(0, 0.0, None)
        return _Spell(service.downs, round(service.downtime(now), 3), round(max(now - service.since, 0.0), 3))


def _frontend(
    frontend: Frontend,
    number: int,
    stats: wire.FrontendStats | None,
    listeners: Mapping[tuple[str, str], wire.ListenerStats],
) -> FrontendStatus:
    return FrontendStatus(
        name=frontend.name,
        number=number,
        mode=frontend.mode,
        text="OPEN" if stats else "not serving",
        max_connections=frontend.limits.connections,
        listeners=tuple(
            ListenerStatus(
                address=str(listener.address),
                number=place,
                position=listener.position,
                text=_listening(frontend, stats) if found else "not serving",
                traffic=figures.listener_traffic(found) if found else None,
            )
            for place, listener in enumerate(frontend.listeners, 1)
            for found in [listeners.get((frontend.name, str(listener.address)))]
        ),
        traffic=figures.frontend_traffic(stats) if stats else None,
    )


def _listening(frontend: Frontend, stats: wire.FrontendStats | None) -> str:
    limit = frontend.limits.connections
    return "FULL" if limit and stats and stats.current >= limit else "OPEN"


def _backend(backend: Backend, number: int, stats: wire.BackendStats | None, runtime: _Runtime) -> BackendStatus:
    counted = {entry.name: entry for entry in stats.servers} if stats else {}
    servers = tuple(
        _server(backend, server, place, counted.get(server.name), runtime)
        for place, server in enumerate(backend.servers, 1)
    )
    usable = [server for server in servers if server.usable]
    service = _Spell.of(runtime.watched.backend(backend.name), runtime.now)
    return BackendStatus(
        name=backend.name,
        number=number,
        mode=backend.mode,
        balance=backend.balance.policy,
        text="UP" if usable else "DOWN",
        up=bool(usable),
        active=sum(not server.backup for server in usable),
        backups=sum(server.backup for server in usable),
        weight=sum(server.weight for server in usable if not server.backup),
        downs=service.downs,
        downtime=service.downtime,
        changed=service.changed,
        max_queue=backend.max_queue,
        cookie=backend.sticky.name if isinstance(backend.sticky, StickyCookie) else "",
        servers=servers,
        traffic=figures.backend_traffic(stats) if stats else None,
    )


def _server(
    backend: Backend, server: Server, number: int, stats: wire.ServerStats | None, runtime: _Runtime
) -> ServerStatus:
    name = ServerId(backend.name, server.name)
    entry = runtime.overlay.of(name)
    check = runtime.watched.check(name) if backend.check_of(server) else None
    agent = runtime.watched.agent(name) if server.agent is not None else None
    service = _Spell.of(runtime.watched.server(name), runtime.now)
    traffic = figures.server_traffic(stats) if stats else None
    admin, wanted = entry.admin or server.admin, wanted_of(server, entry)
    weight = server.weight if entry.weight is None else entry.weight
    resolved = entry.address or (server.address if server.address.is_literal else None)
    facts = Facts(
        admin=Admin.DRAIN if entry.stopping and wanted is Admin.READY else wanted,
        health=entry.health,
        resolved=resolved is not None,
        checked=backend.check_of(server) is not None or server.track is not None,
        ejected=traffic.ejected if traffic else 0.0,
        throttle=traffic.throttle if traffic else 100,
    )
    now = condition(facts)
    return ServerStatus(
        backend=backend.name,
        name=server.name,
        number=number,
        address=str(server.address),
        resolved=str(resolved) if resolved else None,
        condition=now,
        text=text(now, facts, check),
        usable=now in USABLE and weight > 0,
        backup=server.backup,
        weight=weight,
        file_weight=server.weight,
        admin=admin,
        file_admin=server.admin,
        overrides=_overrides(server, entry),
        health=entry.health,
        reason=entry.reason,
        since=round(max(runtime.now - entry.since, 0.0), 3) if entry.since else None,
        downs=service.downs,
        downtime=service.downtime,
        changed=service.changed,
        max_connections=server.max_connections if entry.max_connections is None else entry.max_connections,
        max_queue=server.max_queue,
        max_idle=backend.pool.max_idle,
        cookie=server.cookie,
        check=check,
        agent=agent,
        traffic=traffic,
    )


def _overrides(server: Server, entry: ServerOverlay) -> tuple[str, ...]:
    found = []
    if entry.weight is not None and entry.weight != server.weight:
        found.append(f"weight {server.weight} → {entry.weight} (runtime)")
    if entry.admin is not None and entry.admin is not server.admin:
        found.append(f"admin {server.admin} → {entry.admin} (runtime)")
    return tuple(found)
