"""What HAProxy's runtime API may ask of a running instance (`tenbin.api.haproxy.port.Runtime`).

Owns what was changed over it: amendments of the configuration, and frontends that are not open. All of it ends with the
next reload of the file, as in HAProxy; a renewal of certificates keeps it.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy.port import Sight
from tenbin.control.haproxy import stopped
from tenbin.errors import DataplaneError
from tenbin.observe import sentences
from tenbin.observe.sentences import Level, Sentence
from tenbin.plan.expression import expression
from tenbin.supervisor.amendments import with_certificate

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from tenbin.api.haproxy.port import Reloads
    from tenbin.api.haproxy.vault import Vault
    from tenbin.api.operations import Operations
    from tenbin.dataplane import Dataplane, certificates
    from tenbin.model import Admin, Certificate, Config, Expression, Health, Server, ServerId
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
            file=self._amendments.base,
            frontends={name: held.state for name, held in self._amendments.frontends.items()},
            started=self._parts.clock.wall().timestamp() - uptime,
        )

    async def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> None:
        """Change a server until the next reload."""
        await self._operations.set_server(server, weight=weight, admin=admin)

    async def set_health(self, server: ServerId, health: Health, *, stopping: bool = False) -> None:
        """Say what the next check may contradict."""
        self._parts.health.set_health(server, health, stopping=stopping)
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
        if state != "STOP":
            self._parts.say(sentences.frontend_held(name, paused=state == "PAUSED"))
            return
        await self._parts.figures.freshen()
        for sentence in stopped(self.state.config, self._parts.figures.current, name):
            self._parts.say(sentence)

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

    @property
    def file(self) -> Config:
        """The configuration as the file has it."""
        return self._amendments.base

    @property
    def vault(self) -> Vault:
        """Certificates that are not in force."""
        return self._amendments.vault

    async def judge(self, asked: Sequence[Certificate]) -> Sequence[certificates.Certificate]:
        """Ask the data plane's program, which reads keys."""
        from tenbin.dataplane import binary, certificates

        program = binary.find(os.environ)
        return (await asyncio.to_thread(certificates.examine, program, asked)).certificates

    async def set_certificate(self, changed: Certificate) -> None:
        """Serve it wherever its file is named."""
        await self.amend(lambda config: with_certificate(config, changed))
        self._parts.certificates.replace((await self.judge([changed]))[0])

    async def variable(self, name: str, value: Expression | None = None) -> wire.Variable:
        """Return a variable of the process, set first if there is a value."""
        return await self._plane().variable(name, expression(value) if value is not None else None)

    async def refused(self) -> wire.RefusedMessages:
        """Return the messages that could not be read."""
        return await self._plane().refused()

    def _plane(self) -> Dataplane:
        plane = self._parts.reconciler.plane
        if plane is None:
            raise DataplaneError("the data plane does not answer")
        return plane

    def _say(self, text: str) -> None:
        self._parts.say(Sentence(Level.INFO, "runtime_api", text))
