"""The whole configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.model.backend import Backend
    from tenbin.model.frontend import Frontend
    from tenbin.model.values import Address, Duration


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
    """The HTTP API's TCP address; writes over it need the token (none: TCP is read-only)."""

    address: Address
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GlobalLimits:
    """`connections` of clients at once over all frontends; `pending`: the listeners' accept backlog.

    `buffer`: bytes that each direction of an exchange may hold.
    """

    connections: int
    buffer: int
    pending: int


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator wrote, resolved. `threads` 1-64 is fixed for a data plane's life.

    `origin` is the file it came from ("" for none); `watch`: reload when that file changes; `drain`: how long a
    graceful stop waits; `runtime_directory` None: chosen from the environment.
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
