"""WebSockets over TLS; threads that read and write one SSLSocket at once lose bytes before Python 3.13, so asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import websockets

from support.certificates import trusting

if TYPE_CHECKING:
    from e2e.clients.conftest import Doors


def test_messages_of_all_sizes(doors: Doors) -> None:
    url = f"wss://localhost:{doors.secure[1]}/ws"
    tls = trusting(doors.localhost)

    async def talk() -> None:
        async with websockets.connect(url, ssl=tls, max_size=None) as peer:
            for message in ("hello", b"x" * 1_000_000, "", b"y" * 70_000):
                await peer.send(message)
                assert await asyncio.wait_for(peer.recv(), 5) == message
            await asyncio.wait_for(await peer.ping(), 5)

    asyncio.run(talk())


def test_many_at_once(doors: Doors) -> None:
    url, tls = f"wss://localhost:{doors.secure[1]}/ws", trusting(doors.localhost)

    async def talk(number: int) -> None:
        async with websockets.connect(url, ssl=tls) as peer:
            for i in range(10):
                await peer.send(f"{number} {i}")
                assert await peer.recv() == f"{number} {i}"

    async def all_of_them() -> None:
        await asyncio.gather(*(talk(number) for number in range(30)))

    asyncio.run(all_of_them())
