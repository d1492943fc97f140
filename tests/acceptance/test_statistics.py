"""Statistics say what was sent."""

from __future__ import annotations

import asyncio
from statistics import mean
from typing import TYPE_CHECKING

from support.traffic import get_bytes
from tenbin.clock import SystemClock
from tenbin.testing import AsyncClient, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing.client import Address

CLOCK = SystemClock()
SENT = {"/api/fast": (100, 200), "/api/slow": (50, 200), "/api/error": (20, 500), "/api/notfound": (10, 404)}


async def at_once(address: Address, path: str, count: int) -> list[tuple[int, float]]:
    """Send so many GETs at once; return the status and the seconds of each."""

    async def one() -> tuple[int, float]:
        begun = CLOCK.now()
        client = await AsyncClient.open(address)
        answer = await client.exchange(get_bytes(path))
        client.close()
        return answer.status, CLOCK.now() - begun

    return await asyncio.gather(*(one() for _ in range(count)))


def test_statistics_of_requests_of_every_kind(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"check": {"http": "GET /health", "every": "500ms"}}))
    for name in ("server1", "server2"):
        tenbin.wait_health(f"app/{name}", "up")
    seen = []
    for path, (count, status) in SENT.items():
        ended = asyncio.run(at_once(tenbin.address, path, count))
        assert [answer for answer, _ in ended] == [status] * count
        seen += [duration for _, duration in ended]
    wait_for(lambda: tenbin.status()["frontends"][0]["traffic"]["current"] == 0, 5)
    document = tenbin.status()

    frontend = document["frontends"][0]["traffic"]
    assert frontend["requests"] == 180
    assert frontend["total"] == 180, "each on a connection of its own"
    assert frontend["responses"] == {"1xx": 0, "2xx": 150, "3xx": 0, "4xx": 10, "5xx": 20, "other": 0}

    backend = document["backends"][0]
    assert backend["traffic"]["requests"] == 180
    assert backend["traffic"]["responses"] == frontend["responses"]
    times = backend["traffic"]["phases"]["total"]
    assert times["samples"] == 180
    # Clients that share a busy machine wait longer than this; the balancer never saw more than they did.
    assert 0.05 < times["mean"] < max(0.2, mean(seen)), times
    assert times["p90"] > 0.35, "every fourth was slow"
    assert (backend["text"], backend["downs"], backend["downtime"]) == ("UP", 0, 0)

    assert sum(server["traffic"]["requests"] for server in backend["servers"]) == 180
    for server in backend["servers"]:
        assert server["text"] == "UP"
        assert server["check"]["passed_total"] > 0
        assert server["traffic"]["queue"] == 0
        assert server["traffic"]["current"] == 0
        assert server["traffic"]["failures"] == 0, "a 500 is an answer"
