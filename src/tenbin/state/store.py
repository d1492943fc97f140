"""The store: the single writer of Config and Overlay, and the counter of generations.

Owns which state is the current one. Does not know what a change leads to: whoever wants to act on it listens. All
methods belong to one thread (the control plane's loop) and return at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.errors import UnknownObjectError
from tenbin.state import overlay as transitions
from tenbin.state.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenbin.model import Admin, Config, Health, Server, ServerId


@dataclass(frozen=True, slots=True)
class State:
    """What holds: the configuration and what changed at run time, numbered by generation (1 or more)."""

    config: Config
    overlay: Overlay
    generation: int


class ConflictError(Exception):
    """Compare-and-set failed: the state is of another generation than the caller had seen."""


class Store:
    """The current state and its only writer; `Listener`s get (old, new) in the order in which they came."""

    def __init__(self, config: Config, overlay: Overlay | None = None, *, generation: int = 1) -> None:
        self._state = State(config, transitions.begun(overlay or Overlay(), config), generation)
        self._last = generation
        self._listeners: list[Callable[[State, State], None]] = []
        self._servers = dict(transitions.servers_of(config))

    @property
    def state(self) -> State:
        """What holds now."""
        return self._state

    def listen(self, listener: Callable[[State, State], None]) -> None:
        """Call `listener` with (old, new) after every change."""
        self._listeners.append(listener)

    def server(self, server: ServerId) -> Server:
        """Return a server as the file has it; `UnknownObjectError` if there is none."""
        found = self._servers.get(server)
        if found is None:
            backends = {backend.name for backend in self._state.config.backends}
            what = "server" if server.backend in backends else "backend"
            name = str(server) if what == "server" else server.backend
            raise UnknownObjectError(
                f"there is no {what} {name}", hint=_known(what, server.backend, self._state.config)
            )
        return found

    def candidate(self, config: Config, *, fresh: bool = False) -> State:
        """Return the state that `config` would lead to, under a generation of its own, without making it so.

        `fresh`: without what the operator changed at run time.
        """
        self._last += 1
        return State(config, self._carried(config, fresh=fresh), self._last)

    def commit(self, candidate: State, *, fresh: bool = False) -> State:
        """Make a candidate's configuration hold; what changed at run time since it was made is kept unless `fresh`."""
        old = self._state
        overlay = self._carried(candidate.config, fresh=fresh)
        self._servers = dict(transitions.servers_of(candidate.config))
        same = overlay == candidate.overlay and candidate.generation > old.generation
        return self._set(candidate if same else State(candidate.config, overlay, self._next()))

    def replace_overlay(self, overlay: Overlay, *, expected: int | None = None) -> State:
        """Make an overlay hold; `expected` is the generation that it was made from (`ConflictError` otherwise)."""
        if expected is not None and expected != self._state.generation:
            raise ConflictError(f"generation is {self._state.generation}, not {expected}")
        if overlay is self._state.overlay:
            return self._state
        return self._set(State(self._state.config, overlay, self._next()))

    def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> State:
        """Override weight or admin state of a server; what equals the file's value is no override any more."""
        configured = self.server(server)
        fields: dict[str, object] = {"by_agent": False}
        if weight is not None:
            fields["weight"] = None if weight == configured.weight else weight
        if admin is not None:
            fields["admin"] = None if admin == configured.admin else admin
        return self.replace_overlay(self._state.overlay.changed(server, **fields))

    def set_by_agent(self, server: ServerId, said: Mapping[str, object]) -> State:
        """Note what an agent wants: `weight`, `admin`, `max_connections`; news of servers that are gone are dropped."""
        if server not in self._servers:
            return self._state
        overlay = self._state.overlay
        if all(getattr(overlay.of(server), name) == value for name, value in said.items()):
            return self._state
        return self.replace_overlay(overlay.changed(server, by_agent=True, **said))

    def set_health(
        self, server: ServerId, health: Health, reason: str, since: float, *, stopping: bool = False
    ) -> State:
        """Note what a check found; findings about servers that are gone meanwhile are dropped."""
        if server not in self._servers:
            return self._state
        fields = {"health": health, "reason": reason, "since": since, "stopping": stopping}
        return self.replace_overlay(self._state.overlay.changed(server, **fields))

    def set_led(self, server: ServerId, admin: Admin) -> State:
        """Note what is wanted of the server that this one follows."""
        return self.replace_overlay(self._state.overlay.changed(server, led=admin))

    def set_addresses(self, host: str, literals: tuple[str, ...]) -> State:
        """Note to which addresses a host name resolves."""
        overlay = transitions.resolved(self._state.overlay, self._state.config, host, literals)
        return self.replace_overlay(overlay)

    def _carried(self, config: Config, *, fresh: bool) -> Overlay:
        overlay = transitions.begun(transitions.carried(self._state.overlay, self._state.config, config), config)
        return transitions.unsteered(overlay) if fresh else overlay

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _set(self, state: State) -> State:
        old, self._state = self._state, state
        for listener in self._listeners:
            listener(old, state)
        return state


def _known(what: str, backend: str, config: Config) -> str:
    """Name what does exist, as far as it fits one line."""
    if what == "backend":
        names = [item.name for item in config.backends]
    else:
        names = [server.name for item in config.backends if item.name == backend for server in item.servers]
    shown = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
    return f"{what}s{'' if what == 'backend' else f' of {backend}'}: {shown or 'none'}"
