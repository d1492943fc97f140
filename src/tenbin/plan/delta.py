"""Which part of a change may go as a patch, and which needs the whole snapshot.

Law: a data plane that has the old state and takes the patch holds what it would hold after the whole new snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model import ServerId
from tenbin.plan import wire
from tenbin.plan.compile import effective_admin, effective_weight
from tenbin.state.overlay import NOTHING

if TYPE_CHECKING:
    from tenbin.model import Config, Server
    from tenbin.state import Overlay, State


def patch(old: State, new: State) -> tuple[wire.ServerPatch, ...] | None:
    """Return what leads from `old` to `new` server by server; None when only the whole snapshot does.

    Empty when the data plane would notice nothing of the change.
    """
    if old.config is not new.config:
        return None
    changed = _changed(old.overlay, new.overlay)
    if not changed:
        return ()
    servers = _find(new.config, changed)
    patches = []
    for name, server in servers.items():
        before, after = old.overlay.of(name), new.overlay.of(name)
        if before.address != after.address or before.max_connections != after.max_connections:
            return None
        weight, admin = effective_weight(server, after), effective_admin(server, after)
        different = wire.ServerPatch(
            backend=name.backend,
            server=name.server,
            weight=weight if weight != effective_weight(server, before) else None,
            admin=admin.value if admin is not effective_admin(server, before) else None,
            health=after.health.value if after.health is not before.health else None,
        )
        if different.weight is not None or different.admin or different.health:
            patches.append(different)
    return tuple(patches)


def _changed(old: Overlay, new: Overlay) -> set[ServerId]:
    """Entries are values that are shared between overlays, so identity finds those that may differ."""
    changed = {name for name, entry in new.servers.items() if old.servers.get(name, NOTHING) is not entry}
    return changed | (old.servers.keys() - new.servers.keys())


def _find(config: Config, names: set[ServerId]) -> dict[ServerId, Server]:
    wanted = {name.backend for name in names}
    return {
        name: server
        for backend in config.backends
        if backend.name in wanted
        for server in backend.servers
        if (name := ServerId(backend.name, server.name)) in names
    }
