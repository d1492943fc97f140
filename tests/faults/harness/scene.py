"""What every contestant is told to do, and what a scenario may ask of a contestant.

Owns the common ground; the translations into configurations are in `ours` and `peers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from faults.harness.outcome import Usage
from support.kernel import descriptors, resident

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tenbin.testing.client import Address

Admin = Literal["ready", "drain", "maint"]


@dataclass(frozen=True, slots=True)
class Scene:
    """Servers by name and port of 127.0.0.1, in turn; times in seconds.

    `connect` and `answer` bound a connection and the wait for an answer, `every`, `fall` and `rise` are of the checks
    of `/health`, which may take half of `every`; `weights` of 0 send nothing new; `listen` are further ports of
    127.0.0.1; `log` is the access log's file. A request that is safe to repeat is tried again elsewhere. `backend` and
    `more` go into Tenbin's file alone: to its backend, and at the top.

    There may be `clients`, each may take `head` for the head of a request, `client` for a part of its body or of the
    answer, and `idle` between two; a source may have `source_connections`, and `source_requests` a minute. `big` is the
    port of a server that gets all below `/big`. `secure` is a port for TLS, with `certificate` (a PEM file with its
    key); a handshake may take `head`. `framed` is a port for HTTP/2 without TLS.
    """

    servers: Mapping[str, int]
    connect: float = 1.0
    answer: float = 5.0
    every: float = 0.5
    fall: int = 2
    rise: int = 2
    weights: Mapping[str, int] = field(default_factory=dict)
    listen: Sequence[int] = ()
    backend: Mapping[str, object] = field(default_factory=dict)
    log: str = ""
    more: Mapping[str, object] = field(default_factory=dict)
    head: float = 10.0
    client: float = 30.0
    idle: float = 60.0
    clients: int = 4000
    big: int = 0
    source_connections: int = 0
    source_requests: int = 0
    secure: int = 0
    certificate: str = ""
    framed: int = 0

    def with_servers(self, servers: Mapping[str, int]) -> Scene:
        """Return the same with other servers."""
        return replace(self, servers=servers)


class Told(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    text: str


class Measured(Protocol):
    """Processes that belong together, under a name."""

    name: str

    def pids(self) -> list[int]:
        """All of them."""


class Contestant(Measured, Protocol):
    """A running proxy."""

    scene: Scene

    @property
    def file(self) -> Path:
        """Its configuration file."""

    @property
    def address(self) -> Address:
        """Where it listens."""

    def pids(self) -> list[int]:
        """All its processes."""

    def reload(self, scene: Scene) -> Told:
        """Take another scene over; returns when the new one is in force, or was refused."""

    def write(self, text: str) -> None:
        """Write its file; `text` is like what `text` returns."""

    def reload_file(self) -> Told:
        """Take over the file as it is, as an operator does."""

    def text(self, scene: Scene) -> str:
        """Return the configuration of a scene."""

    def set(self, server: str, admin: Admin) -> None:
        """Change a server's admin state in the way that is the least trouble for traffic."""

    def weigh(self, server: str, weight: int) -> None:
        """Change a server's weight, in the same way."""

    def health(self, server: str) -> str:
        """Return `up` or `down`, "" when it does not tell."""


def usage(pids: Iterable[int]) -> Usage:
    """Measure processes; one that has just ended counts nothing."""
    memory = held = 0
    for pid in pids:
        try:
            memory, held = memory + resident(pid), held + descriptors(pid)
        except OSError:
            continue
    return Usage(memory, held)


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123 - a file of the kernel
        return [pid, *(int(child) for child in file.read().split())]
