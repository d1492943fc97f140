"""The port: what the control plane may ask of a data plane, however that one is made.

Owns the protocol that `process` (the Rust program) and `fake` (in memory) both keep. Every method raises
`DataplaneError` when the data plane is gone, does not answer in time, or answers nonsense.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Sequence

    from tenbin.model import Duration, ServerId
    from tenbin.plan import wire


class Launcher(Protocol):
    """How a data plane comes to be."""

    async def attach(self) -> Dataplane | None:
        """Take control of the one that runs already; None when there is none that understands us."""

    async def spawn(self) -> Dataplane:
        """Start one; `DataplaneError` when it does not come up."""

    async def spawn_successor(self) -> Dataplane:
        """Start one beside the one that runs."""

    def promote(self) -> None:
        """Let the successor be the one that later control planes find."""


class Dataplane(Protocol):
    """A running data plane that this control plane has control of."""

    @property
    def welcome(self) -> wire.Welcome:
        """Who it is and what it had when control was taken."""

    async def set_sockets(self, address: str, sockets: Sequence[socket.socket]) -> None:
        """Hand over the listening sockets of one address; they are duplicated, the caller's stay open."""

    async def get_sockets(self, address: str) -> list[socket.socket]:
        """Get duplicates of the listening sockets of one address that `welcome` names."""

    async def apply(self, snapshot: wire.Snapshot, *, salvage: bool = False) -> None:
        """Replace the snapshot, all or nothing; `SnapshotRejectedError` when it is refused.

        `salvage`: what certificate files do not fit for is left out instead.
        """

    async def patch(self, generation: int, servers: Sequence[wire.ServerPatch]) -> None:
        """Change weight, admin state and health of servers."""

    async def stats(self) -> wire.Stats:
        """Everything counted so far."""

    async def restore(self, stats: wire.Stats) -> None:
        """Add the counters of an earlier data plane."""

    async def table(self, query: wire.TableQuery) -> wire.TableAnswered:
        """Show, set or clear entries of a stick table; whoever wants all of them asks on with `next`."""

    def events(self) -> AsyncIterator[wire.Event]:
        """What the data plane says by itself, until it is gone."""

    async def clear_counters(self, *, everything: bool) -> None:
        """Begin to count anew: maxima, or everything."""

    async def sessions(self, *, end: ServerId | None = None, session: int = 0) -> wire.Sessions:
        """What is in progress; with `end` or `session`, end it."""

    async def live_list(self, query: wire.ListQuery) -> wire.Entries:
        """Read or change a map or a list of patterns."""

    async def variable(self, name: str, value: wire.Expr | None = None) -> wire.Variable:
        """A variable of the process, set first if there is a value."""

    async def refused(self) -> wire.RefusedMessages:
        """The messages that could not be read."""

    async def drain(self, deadline: Duration, *, close_idle: bool) -> None:
        """Accept nothing more and exit when the work is done, or at the deadline; returns at once.

        `close_idle`: idle connections end now rather than with their next answer.
        """

    async def stop(self) -> None:
        """Exit now; returns when the process is gone."""

    async def gone(self) -> str:
        """Wait until the data plane has ended; returns how, such as `killed by SIGKILL`."""

    def detach(self) -> None:
        """Let go of it: it runs on with its last snapshot."""
