"""A WebSocket that talks all the time, so that a test can break things around it.

Clients over TLS are those of asyncio: threads that read and write one SSLSocket at once lose bytes before Python 3.13.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect

if TYPE_CHECKING:
    import ssl

    from tenbin.testing.client import Address


class Talk:
    """Echoes messages over one WebSocket until it is told to stop."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None = None) -> None:
        self.echoed = 0
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._tls = tls
        self._url = f"wss://localhost:{address[1]}/ws" if tls else f"ws://{address[0]}:{address[1]}/ws"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            asyncio.run(self._talk())
        except Exception as error:  # noqa: BLE001 - the test reports it
            self.error = error

    async def _talk(self) -> None:
        async with connect(self._url, ssl=self._tls) as peer:
            while not await asyncio.to_thread(self._stop.wait, 0.02):
                await peer.send(f"message {self.echoed}")
                assert await asyncio.wait_for(peer.recv(), 5) == f"message {self.echoed}"
                self.echoed += 1

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)
