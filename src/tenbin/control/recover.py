"""Attaching: what a running data plane holds becomes what the store begins with, so that nothing flaps.

Pure. Health and resolved addresses are taken over from the data plane; weights and admin states come from the
operator's file and overrides, which is what holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.model import Address, Health, ServerId
from tenbin.state.overlay import servers_in

if TYPE_CHECKING:
    from tenbin.model import Config, Server
    from tenbin.plan import wire
    from tenbin.state import Overlay, ServerOverlay


def recovered(overlay: Overlay, config: Config, welcome: wire.Welcome, stats: wire.Stats, now: float) -> Overlay:
    """Return the overlay with what the data plane knows of servers that are still what they were."""
    health = {ServerId(entry.backend, entry.server): Health(entry.health) for entry in welcome.servers}
    used = {
        ServerId(backend.name, server.name): server.address for backend in stats.backends for server in backend.servers
    }
    changes: dict[ServerId, ServerOverlay] = {}
    for backend in config.backends:
        for name, server in servers_in(backend):
            address = used.get(name)
            if address is None or not _same(server, address):
                continue
            entry = overlay.of(name)
            if not server.address.is_literal:
                entry = replace(entry, address=Address(_host(address), server.address.port))
            if backend.check_of(server) is not None and health.get(name, Health.UNKNOWN) is not Health.UNKNOWN:
                entry = replace(entry, health=health[name], reason="as before the restart", since=now)
            changes[name] = entry
    return overlay.merged(changes)


def _same(server: Server, used: str) -> bool:
    """Whether the data plane's address is that of the file; behind a name, any address with its port may be."""
    if server.address.is_literal:
        return str(server.address) == used
    return used.endswith(f":{server.address.port}")


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")
