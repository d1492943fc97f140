"""F29 in its short form, and what those are told that are refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from faults.scenarios import f29_limits
from support.traffic import get_bytes, long_operation, parallel
from tenbin.testing import config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Response

FAST = "/api/fast"


def told(answers: list[Response]) -> Counter[tuple[int, str]]:
    return Counter((answer.status, answer.header("tenbin-reason") or "") for answer in answers)


def test_reaches_its_targets(play_short: Callable[[Scenario], Outcome]) -> None:
    play_short(f29_limits.SCENARIO)


def test_one_connection_of_one_source(start_tenbin: StartTenbin, trio: Servers) -> None:
    limits = {"limits": {"per_source": {"connections": 1}}}
    tenbin = start_tenbin(config_text(trio.ports, None, limits, threads=2))
    with tenbin.client() as only:
        assert only.get(FAST).status == 200
        answer = tenbin.get(FAST)
        assert (answer.status, answer.header("tenbin-reason")) == (429, "source-connections")
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
