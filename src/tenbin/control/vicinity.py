"""What surrounds a server when it is checked: its state, its share of the work, the section that it stands in.

Owns how that is put together from configuration, runtime changes and the last statistics; only checks that tell it on
ask for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tenbin.health.target import Surroundings
from tenbin.model import Admin, Health, Inherited
from tenbin.plan.compile import effective_admin, effective_limit, effective_weight, literal_address
from tenbin.state.overlay import servers_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.model import Address, Backend, Config, Server, ServerId, UnixAddress
    from tenbin.observe.checks import CheckSummary
    from tenbin.plan import wire
    from tenbin.state import Overlay, ServerOverlay, Store


class Vicinity:
    """Looks around servers of the store; `counted` returns the last statistics, `checked` what checks found."""

    def __init__(
        self,
        store: Store,
        counted: Callable[[], wire.Stats | None],
        checked: Callable[[ServerId], CheckSummary | None],
    ) -> None:
        self._store = store
        self._counted = counted
        self._checked = checked

    def of(self, name: ServerId) -> Surroundings:
        """Return what surrounds a server now."""
        state = self._store.state
        server, entry = self._store.server(name), state.overlay.of(name)
        backend = next(one for one in state.config.backends if one.name == name.backend)
        backend_stats, stats = self._stats(name)
        return Surroundings(
            up=entry.health is not Health.DOWN,
            text=_text(entry, self._checked(name)),
            node=_node(state.config),
            number=server.number,
            proxy_number=_number(state.config, backend),
            proxy=_listener(state.config, name.backend),
            address=literal_address(server, entry),
            tls=server.tls is not None,
            max_connections=effective_limit(server, entry),
            weight=effective_weight(server, entry),
            total=_total(backend, state.overlay),
            current=stats.current if stats is not None else 0,
            beside=backend_stats.current if backend_stats is not None else 0,
            queue=stats.queue if stats is not None else 0,
        )

    def _stats(self, name: ServerId) -> tuple[wire.BackendStats | None, wire.ServerStats | None]:
        counted = self._counted()
        if counted is None:
            return None, None
        backend = next((one for one in counted.backends if one.name == name.backend), None)
        servers = backend.servers if backend is not None else ()
        return backend, next((one for one in servers if one.name == name.server), None)


def _text(entry: ServerOverlay, check: CheckSummary | None) -> str:
    """The state with how far it is on its way to another one."""
    if check is None:
        return "no check"
    if entry.health is Health.DOWN:
        return f"DOWN {check.level}/{check.rise}" if 0 < check.level < check.rise else "DOWN"
    state = "NOLB" if entry.stopping else "UP"
    going = check.rise <= check.level < check.rise + check.fall - 1
    return f"{state} {check.level - check.rise + 1}/{check.fall}" if going else state


def _node(config: Config) -> str:
    return config.compat.node if config.compat is not None and config.compat.node else os.uname().nodename


def _number(config: Config, backend: Backend) -> int:
    proxies = config.compat.proxies if config.compat is not None else ()
    return next((one.number for one in proxies if one.name == backend.name and one.has_backend), backend.number)


def _listener(config: Config, name: str) -> Address | UnixAddress | None:
    """The first listener of the section with this name."""
    places = (listener.address for one in config.frontends if one.name == name for listener in one.listeners)
    found = next(places, None)
    return None if isinstance(found, Inherited) else found


def _total(backend: Backend, overlay: Overlay) -> int:
    """The weight of those that get work: the active ones, and without one the first backup."""
    usable = [(server, overlay.of(name)) for name, server in servers_in(backend) if _usable(server, overlay.of(name))]
    active = sum(effective_weight(server, entry) for server, entry in usable if not server.backup)
    if active:
        return active
    return next((effective_weight(server, entry) for server, entry in usable if server.backup), 0)


def _usable(server: Server, entry: ServerOverlay) -> bool:
    return entry.health is not Health.DOWN and effective_admin(server, entry) is Admin.READY
