"""Sticky clients stay, and a server can be taken out without cutting anyone off."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from support.traffic import get_bytes, long_operation, parallel
from tenbin.testing import AsyncClient, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Response
    from tenbin.testing.client import Address


async def _visit(address: Address, visits: int, number: int) -> list[tuple[str, str]]:
    """Be a browser: keep all cookies, use a new connection each time; return servers and session ids."""
    jar: dict[str, str] = {}
    seen = []
    for i in range(visits):
        client = await AsyncClient.open(address)
        cookies = [("Cookie", "; ".join(f"{key}={value}" for key, value in jar.items()))] if jar else []
        body = b'{"clientId": %d, "requestNum": %d}' % (number, i)
        answer = await client.exchange(request_bytes("POST", "/api/session", cookies, body))
        client.close()
        jar.update(value.split(";")[0].split("=", 1) for value in answer.all("set-cookie"))
        seen.append((answer.server, answer.json()["sessionId"]))
    return seen


def test_50_sticky_clients_stay_where_they_are(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"sticky": {"cookie": "SERVERID"}}))

    async def everyone() -> list[list[tuple[str, str]]]:
        return await asyncio.gather(*(_visit(tenbin.address, 20, number) for number in range(50)))

    visits = asyncio.run(everyone())
    assert all(len(set(seen)) == 1 for seen in visits), [seen for seen in visits if len(set(seen)) > 1]
    assert {seen[0][0] for seen in visits} == {"server1", "server2"}


@pytest.mark.slow
def test_draining_lets_long_requests_end_and_sends_new_ones_elsewhere(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    answers: list[Response] = []
    work = threading.Thread(target=lambda: answers.extend(parallel(tenbin.address, [long_operation(10_000)] * 20)))
    work.start()
    wait_for(lambda: tenbin.server("app/server1")["traffic"]["current"] == 10, 5)
    tenbin.run_cli("server", "drain", "app/server1")
    new = parallel(tenbin.address, [get_bytes()] * 20)
    assert {answer.server for answer in new} == {"server2"}
    assert not answers
    work.join(20)
    assert [answer.status for answer in answers] == [200] * 20
    assert sum(answer.server == "server1" for answer in answers) == 10
    tenbin.run_cli("server", "ready", "app/server1")
    wait_for(lambda: tenbin.get().server == "server1", 5)
