"""The admin API's two doors: the unix socket, always, and the TCP address of the configuration.

Owns that a busy port is a warning rather than an end, and that a reload may move the TCP address.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from tenbin.api import AdminServer
from tenbin.errors import BindError
from tenbin.observe.sentences import Level, Sentence

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.api import Operations
    from tenbin.model import AdminEndpoint
    from tenbin.observe.journal import Journal


class AdminDoors:
    """Opens and closes them."""

    def __init__(self, operations: Operations, journal: Journal, socket_path: Path) -> None:
        self._operations = operations
        self._journal = journal
        self._path = socket_path
        self._local = AdminServer(operations, journal=journal)
        self._remote: AdminServer | None = None
        self._endpoint: AdminEndpoint | None = None
        self._moving = asyncio.Lock()

    async def open(self, endpoint: AdminEndpoint | None) -> None:
        """Serve on the unix socket and, if configured, over TCP."""
        # The web framework takes a while to import, which must not hold up checks.
        for module in ("tenbin.api.app", "tenbin.api.bounded"):
            await asyncio.to_thread(import_module, module)
        try:
            await self._local.start(None, self._path)
        except BindError as error:
            self._warn(error)
        await self.move(endpoint)

    async def move(self, endpoint: AdminEndpoint | None) -> None:
        """Serve TCP where the configuration says now."""
        async with self._moving:
            if endpoint != self._endpoint:
                await self._move(endpoint)

    async def close(self) -> None:
        """Serve no more."""
        if self._remote is not None:
            await self._remote.stop()
        await self._local.stop()

    async def _move(self, endpoint: AdminEndpoint | None) -> None:
        self._endpoint = endpoint
        if self._remote is not None:
            await self._remote.stop()
            self._remote = None
        if endpoint is None:
            return
        server = AdminServer(self._operations, journal=self._journal)
        try:
            await server.start(endpoint, None)
        except BindError as error:
            self._warn(error)
        else:
            self._remote = server
            text = f"admin API on http://{endpoint.address}/{'' if endpoint.token else ' (read-only: no token)'}"
            self._journal.say(Sentence(Level.INFO, "admin_listening", text))

    def _warn(self, error: BindError) -> None:
        text = f"{error.message}; traffic is served, the admin API is not there"
        self._journal.say(Sentence(Level.WARNING, "admin_not_listening", text, (), error.hint))
