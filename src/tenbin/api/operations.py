"""What the admin API may ask of the running process.

Owns the protocol between the API and the process that it belongs to, which implements it. Every method may be called
from the event loop at any time; those that are not coroutines return at once, from memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tenbin.model import Admin, ServerId
    from tenbin.observe.status import Status
    from tenbin.plan import wire


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """How a reload went: `summary` says what changed, `problems` holds the rendered diagnostics of a refused file."""

    ok: bool
    generation: int
    summary: str
    problems: str


class Operations(Protocol):
    """The process as the API sees it."""

    async def status(self) -> Status:
        """Return what is known now, with counters as fresh as the data plane lets them be."""

    async def compat_metrics(self) -> str:
        """Return figures under HAProxy's names for a configuration in its language, "" for others."""

    def snapshot(self) -> wire.Snapshot:
        """Return the snapshot that is applied; raises DataplaneError before the first."""

    def ready(self) -> bool:
        """Return whether a snapshot is applied and the data plane is attached."""

    async def reload(self) -> ReloadReport:
        """Read the configuration again and apply it; a bad one changes nothing and is told by the report."""

    async def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> str:
        """Change a server until its next change and return a sentence; raises UnknownObjectError."""

    async def stop(self, *, now: bool) -> None:
        """Begin to stop, gracefully or now, and return; waiting for the end would wait for this very request."""

    async def upgrade(self) -> str:
        """Begin to hand over to a new process and return a sentence; raises TenbinError when it cannot."""
