"""What HAProxy's runtime API may ask of a running instance (`tenbin.api.haproxy.port.Runtime`).

Owns what was changed over it: amendments of the configuration, frontends that are not open, limits of rates. All of it
ends with the next reload of the file, as in HAProxy; a renewal of certificates keeps it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy.port import Sight
from tenbin.errors import DataplaneError, TenbinError
from tenbin.observe.sentences import Level, Sentence

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from tenbin.api.haproxy.port import Reloads
    from tenbin.api.operations import Operations
    from tenbin.dataplane import Dataplane
    from tenbin.model import Admin, Config, Health, Server, ServerId
    from tenbin.plan import wire
    from tenbin.state import State
    from tenbin.supervisor.amendments import Amendments
    from tenbin.supervisor.parts import Parts


class Steering:
    """Implements `Runtime` for one instance."""

    def __init__(self, parts: Parts, operations: Operations, amendments: Amendments, reloads: Reloads) -> None:
        self._reloads = reloads
        self._parts = parts
        self._operations = operations
        self._amendments = amendments

    @property
    def reloads(self) -> Reloads:
        """How often the configuration was read again."""
        return self._reloads

    @property
    def listeners(self) -> Sequence[socket.socket]:
        """The listening sockets, for a successor."""
        listeners = self._parts.listeners
        return [sock for address in listeners.addresses for sock in listeners.of(address)]

    @property
    def operations(self) -> Operations:
        """What the admin API may do."""
        return self._operations

    @property
    def state(self) -> State:
        """Configuration and runtime changes in force."""
        return self._parts.store.state

    async def sight(self) -> Sight:
        """Return what is known now."""
        status = await self._operations.status()
        uptime = status.process.uptime if status.process is not None else 0.0
        return Sight(
            status=status,
            state=self.state,
            frontends={name: held.state for name, held in self._amendments.frontends.items()},
            started=self._parts.clock.wall().timestamp() - uptime,
            rates=self._amendments.rates,
        )

    async def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> None:
        """Change a server until the next reload."""
        await self._operations.set_server(server, weight=weight, admin=admin)

    async def set_health(self, server: ServerId, health: Health) -> None:
        """Say what the next check may contradict."""
        self._parts.health.set_health(server, health)
        await self._parts.reconciler.in_force()

    async def set_agent(self, server: ServerId, health: Health) -> None:
        """Say what the agent of a server may contradict."""
        self._parts.health.set_agent(server, health)
        await self._parts.reconciler.in_force()

    async def amend(self, change: Callable[[Config], Config]) -> None:
        """Put a changed configuration in force until the next reload."""
        await self._amendments.add(change)

    async def change_server(self, server: ServerId, change: Callable[[Server], Server]) -> None:
        """Put a changed server in force until the next reload."""

        def changed(config: Config) -> Config:
            backends = (
                replace(
                    backend,
                    servers=tuple(change(one) if one.name == server.server else one for one in backend.servers),
                )
                if backend.name == server.backend
                else backend
                for backend in config.backends
            )
            return replace(config, backends=tuple(backends))

        await self.amend(changed)

    async def set_frontend(self, name: str, state: str) -> None:
        """Let a frontend be OPEN, PAUSED or STOP."""
        await self._amendments.hold(name, state)

    async def set_rate(self, what: str, limit: int) -> None:
        """Bound the process."""
        if limit:
            raise TenbinError(f"a limit of {what} for the whole process is not supported", hint="limit sources instead")
        self._amendments.rates[what] = limit

    async def clear_counters(self, *, everything: bool) -> None:
        """Begin to count anew."""
        await self._plane().clear_counters(everything=everything)
        await self._parts.figures.take()

    async def sessions(self) -> Sequence[wire.Session]:
        """Return what is in progress."""
        return (await self._plane().sessions()).sessions

    async def end_sessions(self, *, server: ServerId | None = None, session: int = 0) -> int:
        """End the sessions of a server, or one."""
        self._say(f"sessions of {server} are ended" if server is not None else f"session {session:#x} is ended")
        return (await self._plane().sessions(end=server, session=session)).closed

    async def ask_list(self, query: wire.ListQuery) -> wire.Entries:
        """Read or change a map or a list of patterns."""
        return await self._plane().live_list(query)

    async def ask_table(self, query: wire.TableQuery) -> wire.TableAnswered:
        """Read or change a stick table."""
        return await self._plane().table(query)

    async def set_certificate(self, path: str, pem: str) -> None:
        """Certificates come from files: that is what a restart finds."""
        del pem
        raise TenbinError(
            f"{path} is not changed: certificates are served from files only",
            hint="write the file, and it is served within seconds",
        )

    def variable(self, name: str) -> object | None:
        """Variables of the process live in the data plane, which does not tell them."""
        del name
        return None

    def _plane(self) -> Dataplane:
        plane = self._parts.reconciler.plane
        if plane is None:
            raise DataplaneError("the data plane does not answer")
        return plane

    def _say(self, text: str) -> None:
        self._parts.say(Sentence(Level.INFO, "runtime_api", text))
