"""What the runtime API may ask of the process that it belongs to.

Owns the protocol only. Coroutines return once the data plane has what was asked, and raise `TenbinError` when it
cannot be done; then nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from tenbin.api.haproxy.vault import Vault
    from tenbin.api.operations import Operations
    from tenbin.dataplane import certificates
    from tenbin.model import Admin, Certificate, Config, Expression, Health, Server, ServerId
    from tenbin.observe.status import Status
    from tenbin.plan import wire
    from tenbin.state.store import State


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that statistics are made of, at one moment.

    `file` is the configuration without what was changed since, `frontends` tells which are not open: PAUSED or STOP, by
    name; `started` is the data plane's start on the wall clock.
    """

    status: Status
    state: State
    file: Config
    frontends: Mapping[str, str]
    started: float

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.state.config


@dataclass(slots=True)
class Reloads:
    """How many reloads there were, and how many of them were refused."""

    done: int = 0
    failed: int = 0


class Runtime(Protocol):
    """The process as the runtime API sees it."""

    @property
    def reloads(self) -> Reloads:
        """How often the configuration was read again."""

    @property
    def listeners(self) -> Sequence[socket.socket]:
        """The listening sockets, for a successor."""

    @property
    def operations(self) -> Operations:
        """What the admin API may do."""

    async def sight(self) -> Sight:
        """Return what is known now."""

    @property
    def state(self) -> State:
        """Configuration and runtime changes in force."""

    async def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> None:
        """Change a server until the next reload."""

    async def set_health(self, server: ServerId, health: Health, *, stopping: bool = False) -> None:
        """Say what the next check may contradict."""

    async def set_agent(self, server: ServerId, health: Health) -> None:
        """Say what the agent of a server may contradict."""

    async def amend(self, change: Callable[[Config], Config]) -> None:
        """Put a changed configuration in force until the next reload."""

    async def change_server(self, server: ServerId, change: Callable[[Server], Server]) -> None:
        """Put a changed server in force until the next reload."""

    async def set_frontend(self, name: str, state: str) -> None:
        """Let a frontend be OPEN, PAUSED or STOP."""

    async def clear_counters(self, *, everything: bool) -> None:
        """Begin to count anew: maxima, or everything."""

    async def sessions(self) -> Sequence[wire.Session]:
        """Return what is in progress."""

    async def end_sessions(self, *, server: ServerId | None = None, session: int = 0) -> int:
        """End the sessions of a server, or one; returns how many were found."""

    async def ask_list(self, query: wire.ListQuery) -> wire.Entries:
        """Read or change a map or a list of patterns."""

    async def ask_table(self, query: wire.TableQuery) -> wire.TableAnswered:
        """Read or change a stick table."""

    @property
    def file(self) -> Config:
        """The configuration as the file has it."""

    @property
    def vault(self) -> Vault:
        """Certificates that are not in force."""

    async def judge(self, asked: Sequence[Certificate]) -> Sequence[certificates.Certificate]:
        """Return what there is to say of certificates; of one without a `key`, of its chain alone."""

    async def set_certificate(self, changed: Certificate) -> None:
        """Serve this certificate wherever its file is named, until the next reload."""

    async def variable(self, name: str, value: Expression | None = None) -> wire.Variable:
        """Return a variable of the process, set first if there is a value."""

    async def refused(self) -> wire.RefusedMessages:
        """Return the messages that could not be read."""
