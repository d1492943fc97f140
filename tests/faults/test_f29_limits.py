"""F29: what is beyond a limit is refused exactly, with the right status, and everything else is served.

Each limit meets more at once than it lets through, from many connections and over two threads: not one too many gets
through, not one too few.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.traffic import get_bytes, long_operation, parallel
from tenbin.testing import Client, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Response

FAST = "/api/fast"


def told(answers: list[Response]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.header("tenbin-reason") or "") for answer in answers)


@pytest.mark.parametrize("limit", [1, 50])
def test_connections_of_one_source(start_tenbin: StartTenbin, trio: Servers, limit: int) -> None:
    limits = {"limits": {"per_source": {"connections": limit}}}
    tenbin = start_tenbin(config_text(trio.ports, None, limits, threads=2))
    clients = [Client(tenbin.address) for _ in range(200)]
    answers = [client.get(FAST) for client in clients]
    assert told(answers) == {(200, ""): limit, (429, "source-connections"): 200 - limit}
    for client, answer in zip(clients, answers, strict=True):
        if answer.status == 200:
            assert client.get(FAST).status == 200, "who is in stays in"
        client.close()
    wait_for(lambda: tenbin.status()["frontends"][0]["traffic"]["current"] == 0, 5)
    assert tenbin.get(FAST).status == 200


def test_requests_of_one_source(start_tenbin: StartTenbin, trio: Servers) -> None:
    limits = {"limits": {"per_source": {"requests": "100/1m"}}}
    tenbin = start_tenbin(config_text(trio.ports, None, limits, threads=2))
    answers = parallel(tenbin.address, [get_bytes(FAST)] * 300)
    assert told(answers) == {(200, ""): 100, (429, "source-request-rate"): 200}
    assert all(int(answer.header("retry-after") or 0) >= 1 for answer in answers if answer.status == 429)
    with tenbin.client(source="127.0.0.2") as other:
        assert [other.get(FAST).status for _ in range(100)] == [200] * 100
        assert other.get(FAST).status == 429
    wait_for(lambda: tenbin.status()["backends"][0]["traffic"]["requests"] == 200, 5, "no server saw what was refused")


def test_places_in_a_queue(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = {name: {"port": port, "max_connections": 2} for name, port in trio.first(2).items()}
    tenbin = start_tenbin(config_text(servers, {"max_queue": 5}, threads=2))
    answers = parallel(tenbin.address, [long_operation(1000)] * 40)
    assert told(answers) == {(200, ""): 9, (503, "queue-full"): 31}
    assert tenbin.get(FAST).status == 200
    wait_for(lambda: tenbin.status()["backends"][0]["traffic"]["requests"] == 41, 5)
    assert [server["traffic"]["max"] for server in tenbin.status()["backends"][0]["servers"]] == [2, 2]
