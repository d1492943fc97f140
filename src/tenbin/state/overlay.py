"""The overlay: runtime changes and findings per server, laid over the configuration.

Pure values and transitions; `tenbin.state.store` is the only writer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import TYPE_CHECKING

from tenbin.model import Address, Admin, Config, Health, Initial, Lookup, ServerId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tenbin.model import Backend, Server


@dataclass(frozen=True, slots=True)
class ServerOverlay:
    """`weight` and `admin` None: as the file says. `address`: the resolved literal, None: not resolved yet.

    `since` is the monotonic second of the last change of health, `reason` the sentence that came with it.
    `max_connections` None: as the file says. `by_agent`: weight, admin state and limit are what an agent beside the
    server wants, and hold until it says otherwise rather than until a reload. `stopping`: by its check it is
    up and wants no new work. `led`: the admin state of the server that this one follows.
    """

    weight: int | None = None
    admin: Admin | None = None
    health: Health = Health.UNKNOWN
    reason: str = ""
    since: float = 0.0
    address: Address | None = None
    max_connections: int | None = None
    by_agent: bool = False
    stopping: bool = False
    led: Admin = Admin.READY

    @property
    def is_override(self) -> bool:
        """Whether the operator changed something at run time."""
        return not self.by_agent and (self.weight is not None or self.admin is not None)


NOTHING = ServerOverlay()
"""The overlay of a server about which nothing is known and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """All servers' overlays; a server that is not in it has the default one."""

    servers: MappingProxyType[ServerId, ServerOverlay] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, server: ServerId) -> ServerOverlay:
        """Return the overlay of one server."""
        return self.servers.get(server, NOTHING)

    def changed(self, server: ServerId, **fields: object) -> Overlay:
        """Return an overlay in which these fields of one server differ; the same one when none does."""
        before = self.of(server)
        entry = replace(before, **fields)  # type: ignore[arg-type]
        return self if entry == before else self.merged({server: entry})

    def merged(self, changes: Mapping[ServerId, ServerOverlay]) -> Overlay:
        """Return an overlay with these entries in place of those that it had."""
        if not changes:
            return self
        # The proxy's own copy does not hash every key anew, which `{**self.servers}` would.
        servers = self.servers.copy()
        servers.update(changes)
        return Overlay(MappingProxyType(servers))


def resolved(overlay: Overlay, config: Config, host: str, literals: tuple[str, ...]) -> Overlay:
    """Give every server with this host name an address: one that it prefers, that which it has before others.

    Without literals (the name ceased to resolve) the last address stays: a name server's outage is not ours.
    """
    if not literals:
        return overlay
    changes: dict[ServerId, ServerOverlay] = {}
    for name, server in servers_of(config):
        entry = overlay.of(name)
        if server.address.host != host:
            continue
        chosen = _chosen(server.lookup, entry.address.host if entry.address is not None else "", literals)
        if entry.address is None or entry.address.host != chosen:
            changes[name] = replace(entry, address=Address(chosen, server.address.port))
    return overlay.merged(changes)


def _chosen(lookup: Lookup, now: str, literals: tuple[str, ...]) -> str:
    """The version of IP counts before the network, and both before what is used now; then the order."""
    if not lookup.family and not lookup.networks:
        return now if now in literals else literals[0]
    networks = [ip_network(one) for one in lookup.networks]

    def rank(literal: str) -> tuple[bool, bool, bool]:
        address = ip_address(literal)
        return address.version == lookup.family, any(address in one for one in networks), literal == now

    return max(literals, key=rank)


def begun(overlay: Overlay, config: Config) -> Overlay:
    """Give servers that were never checked the health that they begin with; nothing else would bring up the others."""
    changes: dict[ServerId, ServerOverlay] = {}
    for backend in config.backends:
        for name, server in servers_in(backend):
            if server.initial is Initial.UP or backend.check_of(server) is None:
                continue
            entry = overlay.of(name)
            if entry.health is Health.UNKNOWN and is_new(entry):
                changes[name] = replace(entry, health=INITIAL[server.initial], reason="not checked yet")
    return overlay.merged(changes)


def is_new(entry: ServerOverlay) -> bool:
    """Whether no check has ever changed anything."""
    return not entry.since


def carried(overlay: Overlay, old: Config, new: Config) -> Overlay:
    """Return what stays true of the overlay when `new` takes the place of `old`.

    The operator's overrides stay, also those of servers that are gone (they may come back). Health and resolved
    addresses stay for servers whose address is the same and, for health, that still have a check.
    """
    before = {name: server.address for name, server in servers_of(old)}
    after = {
        name: (server.address, _has_health(backend, server))
        for backend in new.backends
        for name, server in servers_in(backend)
    }
    agents = {name for name, server in servers_of(new) if server.agent is not None}
    kept: dict[ServerId, ServerOverlay] = {}
    for name, entry in overlay.servers.items():
        address, is_known = after.get(name, (None, False))
        result = entry if name in agents or not entry.by_agent else _unspoken(entry)
        if address is None or before.get(name, address) != address:
            result = replace(result, health=Health.UNKNOWN, reason="", since=0.0, address=None, stopping=False)
        elif not is_known and entry.health is not Health.UNKNOWN:
            result = replace(result, health=Health.UNKNOWN, reason="", since=0.0, stopping=False)
        if result != NOTHING:
            kept[name] = result
    return Overlay(MappingProxyType(kept))


INITIAL = {
    Initial.FULLY_UP: Health.UP,
    Initial.UP: Health.UNKNOWN,
    Initial.DOWN: Health.DOWN,
    Initial.FULLY_DOWN: Health.DOWN,
}
"""What a server's health is before its first check."""


def _has_health(backend: Backend, server: Server) -> bool:
    return backend.check_of(server) is not None or server.track is not None or server.agent is not None


def _unspoken(entry: ServerOverlay) -> ServerOverlay:
    return replace(entry, weight=None, admin=None, max_connections=None, by_agent=False)


def overrides(overlay: Overlay) -> dict[ServerId, ServerOverlay]:
    """Return the entries in which the operator changed something, with only that in them."""
    return {
        name: ServerOverlay(weight=entry.weight, admin=entry.admin)
        for name, entry in overlay.servers.items()
        if entry.is_override
    }


def unsteered(overlay: Overlay) -> Overlay:
    """Return it without what the operator changed: HAProxy's users expect a reload to end that."""
    changes = {
        name: replace(entry, weight=None, admin=None) for name, entry in overlay.servers.items() if entry.is_override
    }
    return overlay.merged(changes)


def wanted_of(server: Server, entry: ServerOverlay) -> Admin:
    """Return the admin state that is wanted of a server, by itself and by the server that it follows."""
    both = {entry.admin or server.admin, entry.led}
    return next(admin for admin in (Admin.MAINT, Admin.DRAIN, Admin.READY) if admin in both)


def servers_in(backend: Backend) -> Iterator[tuple[ServerId, Server]]:
    """Yield the servers of one backend with their names across snapshots."""
    for server in backend.servers:
        yield ServerId(backend.name, server.name), server


def servers_of(config: Config) -> Iterator[tuple[ServerId, Server]]:
    """Yield every server of a configuration."""
    for backend in config.backends:
        yield from servers_in(backend)
