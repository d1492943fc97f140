"""What a configuration in HAProxy's language asks the control plane to serve: its runtime API and its pages.

Owns that a busy address is a warning rather than an end, and that a reload moves what it must.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from tenbin.observe.sentences import Level, Sentence
from tenbin.plan.services import services

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tenbin.api.haproxy.page.server import Pages
    from tenbin.api.haproxy.port import Runtime
    from tenbin.api.haproxy.sockets import RuntimeSockets
    from tenbin.errors import BindError
    from tenbin.model import Config, RuntimeSocket
    from tenbin.observe.journal import Journal


class CompatDoors:
    """Opens, moves and closes them; nothing is imported for configurations that do not ask."""

    def __init__(
        self,
        runtime: Runtime,
        journal: Journal,
        directory: Path,
        bound: dict[str, socket.socket] | None = None,
        masters: tuple[RuntimeSocket, ...] = (),
    ) -> None:
        self._bound = bound or {}
        self._masters = masters
        self._runtime = runtime
        self._journal = journal
        self._directory = directory
        self._sockets: RuntimeSockets | None = None
        self._pages: Pages | None = None
        self._moving = asyncio.Lock()

    async def listen(self, config: Config) -> None:
        """Open the sockets of the runtime API; pages take longer, and are not waited for."""
        async with self._moving:
            if self._masters or (config.compat is not None and config.compat.sockets):
                await self._move_sockets(config)

    async def move(self, config: Config) -> None:
        """Serve what the configuration says now."""
        async with self._moving:
            compat = config.compat
            if self._sockets is not None or self._masters or (compat is not None and compat.sockets):
                await self._move_sockets(config)
            if self._pages is not None or services(config):
                await self._move_pages(config)

    async def close(self) -> None:
        """Serve no more."""
        if self._sockets is not None:
            await self._sockets.close()
        if self._pages is not None:
            await self._pages.close()

    async def _move_sockets(self, config: Config) -> None:
        if self._sockets is None:
            from tenbin.api.haproxy.sockets import RuntimeSockets

            self._sockets = RuntimeSockets(self._runtime, self._masters)
        places = config.compat.sockets if config.compat is not None else ()
        for problem in await self._sockets.move(places):
            self._warn(problem)

    async def _move_pages(self, config: Config) -> None:
        if self._pages is None:
            # The web framework takes a while to import, which must not hold up checks.
            await asyncio.to_thread(import_module, "tenbin.api.haproxy.page.server")
            from tenbin.api.haproxy.page.server import Pages

            self._pages = Pages(self._runtime, self._directory, self._bound)
        for problem in await self._pages.move(config):
            self._warn(problem)

    def _warn(self, problem: BindError) -> None:
        text = f"{problem.message}; traffic is served, this socket is not there"
        self._journal.say(Sentence(Level.WARNING, "runtime_api_not_listening", text, (), problem.hint))
