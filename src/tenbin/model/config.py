"""The whole configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.model.backend import Backend
    from tenbin.model.compat import Compat
    from tenbin.model.expression import Expression
    from tenbin.model.frontend import Frontend
    from tenbin.model.table import LiveList, Table
    from tenbin.model.values import Address, Duration, MemoryLimit


class LogFormat(StrEnum):
    """`auto`: human on a terminal, JSON otherwise."""

    AUTO = "auto"
    HUMAN = "human"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Where a line per request goes: "stdout", "none", or a file's path."""

    target: str
    format: LogFormat


@dataclass(frozen=True, slots=True)
class AdminEndpoint:
    """The HTTP API's TCP address; writes over it need the token ("": TCP is read-only).

    With a `read_token` reading needs one of the two, too. `hosts` are further names by which it may be called,
    in lower case: `lb.example.org`, or `*.example.org` for all below.
    """

    address: Address
    token: str = field(repr=False)
    read_token: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the data plane runs as when root starts it; `groups` are the supplementary ones.

    `name` is how the file calls the user, `position` where.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    position: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rates:
    """What begins in a second over all frontends: connections, sessions, handshakes of TLS; 0 for no limit.

    Further ones wait. Tenbin has a session for every connection that it serves.
    """

    connections: int = 0
    sessions: int = 0
    handshakes: int = 0


@dataclass(frozen=True, slots=True)
class GlobalLimits:
    """`connections` of clients at once over all frontends; `pending`: the listeners' accept backlog.

    `buffer`: bytes that each direction of an exchange may hold; `memory`: above it no new work is taken.
    """

    connections: int
    buffer: int
    pending: int
    memory: MemoryLimit
    rates: Rates = Rates()


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator wrote, resolved. `threads` 1-64 is fixed for a data plane's life.

    `origin` is the file it came from ("" for none); `watch`: reload when that file changes; `drain`: how long a
    graceful stop waits; `runtime_directory` None: chosen from the environment; `user` None: the
    data plane runs as whoever starts it. `watched` are the files and directories beside `origin`, absolute, whose
    change may make this another configuration: certificates, keys, authorities, and where links among them lead.
    `variables` of the process are set at start. `compat`: what only a configuration in HAProxy's language asks for.
    """

    frontends: tuple[Frontend, ...]
    backends: tuple[Backend, ...]
    admin: AdminEndpoint | None
    threads: int
    limits: GlobalLimits
    drain: Duration
    access_log: AccessLog
    runtime_directory: Path | None
    watch: bool
    origin: str
    user: Identity | None = None
    watched: tuple[Path, ...] = ()
    tables: tuple[Table, ...] = ()
    lists: tuple[LiveList, ...] = ()
    variables: tuple[tuple[str, Expression], ...] = ()
    compat: Compat | None = None
