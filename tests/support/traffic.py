"""Traffic that many tests send: counted, parallel, or over a WebSocket."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING

from tenbin.testing import AsyncClient, Client, ExchangeError, Response, fetch
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.testing import Tenbin
    from tenbin.testing.client import Address


def sequential(address: Address, count: int, target: str = "/api/whoami", *, keep_alive: bool = True) -> list[str]:
    """Send GETs one after the other and return the servers that answered, in order; every answer must be a 200."""
    if not keep_alive:
        return [_server(fetch(address, target)) for _ in range(count)]
    with Client(address) as client:
        return [_server(client.get(target)) for _ in range(count)]


def spread(address: Address, count: int, target: str = "/api/whoami", *, keep_alive: bool = True) -> Counter[str]:
    """Count the servers that answered so many sequential GETs."""
    return Counter(sequential(address, count, target, keep_alive=keep_alive))


def parallel(address: Address, requests: Sequence[bytes]) -> list[Response]:
    """Send all requests at once, each on a connection of its own, and return the answers in the same order."""

    async def one(data: bytes) -> Response:
        client = await AsyncClient.open(address)
        try:
            return await client.exchange(data)
        finally:
            client.close()

    async def every() -> list[Response]:
        return list(await asyncio.gather(*(one(data) for data in requests)))

    return asyncio.run(every())


class Background:
    """Requests sent at once, in a thread; `answers` is empty until they have all ended."""

    def __init__(self, address: Address, *requests: bytes) -> None:
        self.answers: list[Response] = []
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(address, requests), daemon=True)
        self._thread.start()

    def _run(self, address: Address, requests: Sequence[bytes]) -> None:
        try:
            self.answers = parallel(address, requests)
        except ExchangeError as error:
            self.error = error

    def statuses(self, deadline: float = 25.0) -> list[int]:
        """Wait for the end and return the statuses; none when a request failed."""
        self._thread.join(deadline)
        return [answer.status for answer in self.answers]


def under_way(tenbin: Tenbin) -> int:
    """Return how many requests of the first backend are being answered or wait in a queue."""
    traffic = tenbin.status()["backends"][0]["traffic"]
    return int(traffic["current"]) + int(traffic["queue"])


def get_bytes(target: str = "/api/whoami", *headers: tuple[str, str]) -> bytes:
    """Return a GET that ends its connection."""
    return request_bytes("GET", target, (*headers, ("Connection", "close")))


def post_bytes(target: str, body: bytes, *headers: tuple[str, str]) -> bytes:
    """Return a POST that ends its connection."""
    return request_bytes("POST", target, (*headers, ("Connection", "close")), body)


def long_operation(milliseconds: int) -> bytes:
    """Return a request that a demo server answers after so many milliseconds."""
    return post_bytes("/api/long-operation", b'{"duration": %d}' % milliseconds)


def _server(response: Response) -> str:
    assert response.status == 200, response
    return response.server
