"""Serves the admin API on a TCP address and on a unix socket, inside the running event loop.

Owns the listening sockets, their permissions and names, and the bounds on slow and many clients. Knows nothing of
what is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.api.operations import Operations
    from tenbin.model import Address
    from tenbin.observe.journal import Journal


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on clients: seconds for a request's head, its body, between requests, and for progress in reading.

    `clients` at once per address; `head` bytes of a request's head.
    """

    head_time: float = 10.0
    body_time: float = 10.0
    idle_time: int = 30
    stall_time: float = 10.0
    clients: int = 128
    head: int = 16_384


class AdminServer:
    """The API's two listening addresses."""

    def __init__(self, operations: Operations, *, journal: Journal | None = None, limits: Limits | None = None) -> None:
        self._operations = operations
        self._journal = journal
        self._limits = limits or Limits()

    async def start(self, *, address: Address | None, token: str, socket_path: Path | None) -> None:
        """Listen on both (None: not on that one); raises BindError, then nothing listens."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop within a second, whatever clients do; requests under way get half of it."""
        raise NotImplementedError
