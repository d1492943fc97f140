"""How many requests one source gets through, and that others do not notice."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tenbin.clock import SystemClock
from tenbin.testing import Client, Load, RunningLoad, config_text, fetch, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Response, Tenbin

CLOCK = SystemClock()
OTHER = "127.0.0.2"
FAST = "/api/fast"


def limited(trio: Servers, requests: str, frontend: dict[str, object] | None = None, **per_source: object) -> str:
    """A configuration with two threads and a rate for each source."""
    limits = {"per_source": {"requests": requests, **per_source}}
    return config_text(trio.first(2), None, {"limits": limits, **(frontend or {})}, threads=2)


def answered(clients: list[Client], each: int) -> list[Response]:
    """Send so many requests at once on each connection, and return all answers."""
    answers: list[Response] = []

    def one(client: Client) -> None:
        client.send(request_bytes("GET", FAST) * each)
        answers.extend([client.read_response() for _ in range(each)])

    threads = [threading.Thread(target=one, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers: list[Response]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def refused(tenbin: Tenbin, count: int) -> dict[str, Any]:
    """Wait until so many requests are told to be refused and answered, and return what else is told of the frontend."""

    def told() -> dict[str, Any]:
        traffic: dict[str, Any] = tenbin.status()["frontends"][0]["traffic"]
        done = (traffic["source_requests_refused"], traffic["responses"]["4xx"]) == (count, count)
        return traffic if done else {}

    return wait_for(told, 5, f"{count} refused requests")


def test_15_a_second_against_10_are_20_in_two_seconds(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "10/s"))
    with (
        RunningLoad(tenbin.address, Load(rps=15, duration=2, target=FAST)) as load,
        tenbin.client(source=OTHER) as other,
    ):
        while load.elapsed < 1.9:
            wait_for(lambda since=load.elapsed: load.elapsed >= since + 0.15, 5)
            assert other.get(FAST).status == 200
        summary = load.result()
    passed = Counter(record.status for record in summary.records)
    assert set(passed) == {200, 429}, summary.describe()
    assert abs(passed[200] - 20) <= 2, summary.describe()
    refused(tenbin, passed[429])


def test_of_100_at_once_exactly_ten_get_through(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "10/10s"))
    clients = [tenbin.client() for _ in range(8)]
    assert statuses(answered(clients[:4], 13) + answered(clients[4:], 12)) == {200: 10, 429: 90}
    others = [tenbin.client(source=OTHER) for _ in range(8)]
    assert statuses(answered(others, 2)) == {200: 10, 429: 6}
    traffic = refused(tenbin, 96)
    assert (traffic["requests"], traffic["denied"], traffic["responses"]["4xx"]) == (116, 96, 96)
    assert traffic["errors"] == {"source-request-rate": 96}
    page = fetch(tenbin.admin, "/metrics").body.decode()
    assert 'tenbin_frontend_source_refused_total{frontend="web",limit="requests"} 96\n' in page
    for client in (*clients, *others):
        client.close()


def test_who_waits_as_long_as_told_gets_through(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "3/2s"))
    with tenbin.client() as client:
        first = CLOCK.now()
        assert [client.get(FAST).status for _ in range(3)] == [200] * 3
        for _ in range(2):
            answer = client.get(FAST)
            assert (answer.status, answer.header("tenbin-reason")) == (429, "source-request-rate")
            assert answer.keep_alive
            due = CLOCK.now() + int(answer.header("retry-after") or 0)
            assert due - CLOCK.now() <= math.ceil(first + 2 - CLOCK.now()) + 1, "no longer than needed"
            wait_for(lambda due=due: CLOCK.now() >= due, 5)
            assert client.get(FAST).status == 200
            while client.get(FAST).status == 200:
                pass
            first = CLOCK.now()


def test_a_refused_body_ends_the_connection_only_if_it_is_not_there(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "1/1m"))
    with tenbin.client() as client:
        assert client.get(FAST).status == 200
        whole = client.request("POST", FAST, (), b"whole")
        assert (whole.status, whole.keep_alive) == (429, True)
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
        late = client.read_response()
        assert (late.status, late.keep_alive) == (429, False)


PROXY: dict[str, object] = {"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"]}


def of(tenbin: Tenbin, *addresses: str, count: int = 1) -> list[int]:
    """Statuses of requests that a trusted proxy forwards."""
    with tenbin.client() as client:
        found = [client.get(FAST, *(("X-Forwarded-For", one) for one in addresses)) for _ in range(count)]
        return [answer.status for answer in found]


def test_behind_a_trusted_proxy_the_source_is_whom_it_names(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "2/1m", PROXY))
    assert of(tenbin, "192.0.2.1", count=3) == [200, 200, 429]
    assert of(tenbin, "6.6.6.6, 192.0.2.1, 10.0.0.5") == [429], "what stands further left is anybody's word"
    assert of(tenbin, "192.0.2.1", "192.0.2.2", count=3) == [200, 200, 429]
    assert of(tenbin, count=3) == [200, 200, 429], "the proxy itself"
    with tenbin.client(source=OTHER) as stranger:
        said = [("X-Forwarded-For", f"192.0.2.{i}") for i in range(3)]
        assert [stranger.get(FAST, one).status for one in said] == [200, 200, 429]


def test_an_ipv6_network_is_one_source(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "2/1m", PROXY))
    found = [of(tenbin, f"2001:db8:0:1::{i}") for i in range(3)]
    assert found == [[200], [200], [429]]
    assert of(tenbin, "2001:db8:0:2::1") == [200]
    assert tenbin.reload(limited(trio, "2/1m", PROXY, ipv6_prefix=128)).returncode == 0
    assert of(tenbin, "2001:db8:0:1::1") == [200]


def test_a_full_table_forgets_who_was_away_longest(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "1/1m", PROXY, entries=3))
    one, two, three, four = (f"192.0.2.{i}" for i in range(1, 5))
    assert of(tenbin, one) + of(tenbin, two) + of(tenbin, three) == [200] * 3
    assert of(tenbin, one) == [429], "and now the second was away longest"
    assert of(tenbin, four) == [200]
    assert of(tenbin, one) + of(tenbin, three) == [429] * 2
    assert of(tenbin, two) == [200]


def test_a_reload_keeps_the_counts(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, "5/1m"))
    with tenbin.client() as kept:
        assert [kept.get(FAST).status for _ in range(4)] == [200] * 4
        assert tenbin.reload(limited(trio, "5/1m", {"forwarding": False})).returncode == 0
        assert [kept.get(FAST).status for _ in range(2)] == [200, 429]
        assert tenbin.reload(limited(trio, "7/1m", entries=10)).returncode == 0
        assert [kept.get(FAST).status for _ in range(3)] == [200, 200, 429]
        assert tenbin.get(FAST).status == 429
        assert tenbin.reload(config_text(trio.first(1))).returncode == 0
        assert {kept.get(FAST).status for _ in range(9)} == {200}


def test_what_is_refused_is_logged_and_told_of_once(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    limits = {"limits": {"per_source": {"requests": "1/1m"}}}
    tenbin = start_tenbin(config_text(trio.first(1), None, limits, log={"access": str(file), "format": "json"}))
    with tenbin.client() as client:
        assert [client.get(FAST).status for _ in range(20)] == [200, *[429] * 19]
    wait_for(lambda: file.exists() and len(file.read_text().splitlines()) == 20, 5)
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    assert {(line["status"], line.get("reason")) for line in lines} == {(200, None), (429, "source-request-rate")}
    wait_for(lambda: "127.0.0.1 sends more requests than its 1 in 60 s" in tenbin.log(), 5)
    assert tenbin.log().count("sends more requests") == 1


@pytest.mark.parametrize("setting", ["per_source: false", "per_source: {requests: false, connections: 0}"])
def test_a_frontend_may_be_without_limits(start_tenbin: StartTenbin, trio: Servers, setting: str) -> None:
    text = f"""\
limits: {{per_source: {{requests: 1/1m, connections: 1}}}}
frontends:
  strict: {{listen: "{{listen}}", backend: app}}
  free: {{listen: "{{listen2}}", backend: app, limits: {{{setting}}}}}
backends: {{app: {{servers: ["127.0.0.1:{trio.port("server1")}"]}}}}
"""
    tenbin = start_tenbin(text)
    assert [tenbin.get(FAST).status for _ in range(2)] == [200, 429]
    assert {fetch(tenbin.address_of("listen2"), FAST).status for _ in range(5)} == {200}
