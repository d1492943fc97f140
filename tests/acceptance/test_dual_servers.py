"""What the users of two servers behind haproxy.cfg expect of it, request for request.

The limit is ten requests in ten seconds from an address, so most visitors here come from addresses of their own.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.edge import ask_all, running, visitor, wait_up
from support.traffic import get_bytes, long_operation
from tenbin.testing import ExchangeError, fetch, wait_for

if TYPE_CHECKING:
    from support.edge import Placed
    from support.servers import Servers
    from tenbin.testing import Response

WEB = "webservers"


def test_a_thousand_requests_are_shared_evenly(dual_running: Placed) -> None:
    answers = _from_many(dual_running, "/api/whoami", 1000)
    assert {answer.status for answer in answers} == {200}
    counts = Counter(answer.server for answer in answers)
    assert abs(counts["server1"] - 500) < 10
    assert abs(counts["server2"] - 500) < 10
    totals = ((WEB, "server1"), (WEB, "server2"))
    wait_for(lambda: all(abs(int(dual_running.api.stat()[row]["stot"]) - 500) < 10 for row in totals))


@pytest.mark.slow
def test_a_server_that_stops_is_left_alone(dual: Placed, servers: Servers) -> None:
    with running(dual):
        wait_up(dual, f"{WEB}/server1", f"{WEB}/server2")
        pace, answered = threading.Event(), Counter[str]()
        for i in range(200):
            if i == 50:
                servers.kill("server1")
            answered[_server_or_error(dual, visitor(i // 5))] += 1
            pace.wait(0.1)
        failed = 200 - answered["server1"] - answered["server2"]
        assert failed < 5, answered
        assert answered["server1"] > 20
        assert answered["server2"] > 150
        row = dual.api.stat()[WEB, "server1"]
        assert row["status"] == "DOWN"
        assert row["check_status"] == "L4CON"


def test_a_visitor_stays_with_a_server_from_wherever_it_comes(dual_running: Placed) -> None:
    for client in range(10):
        jar: dict[str, str] = {}
        seen = set()
        for i in range(20):
            cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
            headers = (("Cookie", cookies),) if jar else ()
            (answer,) = ask_all(dual_running, [(visitor(client * 4 + i // 5), get_bytes("/api/session", *headers))])
            for line in answer.all("set-cookie"):
                name, _, value = line.partition(";")[0].partition("=")
                jar[name] = value
            seen.add((answer.json()["server"], answer.json()["sessionId"]))
        assert len(seen) == 1, seen
        assert jar["SERVERID"] == seen.pop()[0]


def test_a_drained_server_ends_its_work_and_gets_no_more(dual_running: Placed) -> None:
    long: list[Response] = []
    asked = [(visitor(i), long_operation(3000)) for i in range(10)]
    work = threading.Thread(target=lambda: long.extend(ask_all(dual_running, asked)))
    work.start()
    rows = dual_running.api.stat
    wait_for(lambda: sum(int(rows()[WEB, server]["scur"]) for server in ("server1", "server2")) == 10)
    assert dual_running.api(f"set server {WEB}/server1 state drain").strip() == ""
    assert rows()[WEB, "server1"]["status"] == "DRAIN"
    answers = ask_all(dual_running, [(visitor(50 + i), get_bytes()) for i in range(20)])
    assert {answer.server for answer in answers} == {"server2"}
    work.join(20)
    assert Counter(answer.server for answer in long) == {"server1": 5, "server2": 5}
    assert {answer.status for answer in long} == {200}
    assert dual_running.api(f"set server {WEB}/server1 state ready").strip() == ""
    assert rows()[WEB, "server1"]["status"] == "UP"


def test_an_address_gets_ten_requests_in_ten_seconds(dual_running: Placed) -> None:
    statuses = [ask_all(dual_running, [(visitor(1), get_bytes())])[0].status for _ in range(30)]
    assert statuses[:10] == [200] * 10
    # A slow machine may see the first ones leave the window; they come back a little at a time.
    assert statuses[10:].count(403) >= 18
    assert ask_all(dual_running, [(visitor(2), get_bytes())])[0].status == 200
    entries = dual_running.api("show table web_frontend")
    assert f"key={visitor(1)} " in entries
    assert "http_req_rate(10000)=30" in entries


def test_statistics_of_requests_of_every_kind(dual_running: Placed) -> None:
    kinds = {"/api/fast": (100, 200), "/api/slow": (50, 200), "/api/error": (20, 500), "/api/notfound": (10, 404)}
    first = 0
    for path, (count, status) in kinds.items():
        answers = _from_many(dual_running, path, count, first)
        assert {answer.status for answer in answers} == {status}
        first += count
    # An answer is counted once it has left, which its client may know first.
    counts = {"req_tot": "180", "hrsp_2xx": "150", "hrsp_4xx": "10", "hrsp_5xx": "20"}
    wait_for(lambda: counts.items() <= dual_running.api.stat()["web_frontend", "FRONTEND"].items())
    rows = dual_running.api.stat()
    backend = rows[WEB, "BACKEND"]
    assert backend["req_tot"] == "180"
    assert 50 < int(backend["rtime"]) < 600, "every fourth waits half a second"
    assert 50 < int(backend["ttime"]) < 1000
    for server in ("server1", "server2"):
        row = rows[WEB, server]
        assert row["status"] == "UP"
        assert row["check_status"] == "L7OK"
        assert row["qcur"] == "0"
        assert row["chkfail"] == "0"


def test_tls_ends_here_and_is_told(dual_running: Placed) -> None:
    (answer,) = ask_all(dual_running, [(visitor(1), get_bytes("/api/secure"))])
    assert answer.status == 200
    assert answer.json()["protocol"] == "https"
    plain = fetch(dual_running.address("80"), "/api/secure?a=b")
    assert plain.status == 302
    assert plain.header("location") == f"https://127.0.0.1:{dual_running.ports['80']}/api/secure?a=b"


def test_paths_and_hosts_lead_to_their_servers(dual: Placed, servers: Servers) -> None:
    for name in ("api-server1", "api-server2", "admin-server", "ws-server1", "ws-server2"):
        servers.ports[name] = dual.ports[name]
        servers.start(name)
    with running(dual):
        wait_up(dual, "api_servers/api1", "api_servers/api2", "admin_server/admin")
        of = [("/api/v2/users", "localhost"), ("/dashboard", "Admin.Localhost"), ("/api/whoami", "localhost")]
        asked = [(visitor(1), get_bytes(path, ("Host", host))) for path, host in of]
        api, admin, web = (answer.server for answer in ask_all(dual, asked))
        assert api in ("api-server1", "api-server2")
        assert admin == "admin-server"
        assert web in ("server1", "server2")
        upgrade = (("Upgrade", "websocket"), ("Connection", "close"))
        (socket,) = ask_all(dual, [(visitor(1), get_bytes("/api/whoami", *upgrade))])
        assert socket.server in ("ws-server1", "ws-server2")


def test_its_page_of_503_is_sent_when_nobody_is_there(dual: Placed, servers: Servers) -> None:
    for name in ("server1", "server2"):
        servers.kill(name)
    with running(dual):
        wait_for(lambda: dual.api.stat()[WEB, "BACKEND"]["status"] == "DOWN", 15)
        (answer,) = ask_all(dual, [(visitor(1), get_bytes())])
        assert (answer.status, answer.body) == (503, b"nobody is in\n")


def _from_many(config: Placed, path: str, count: int, first: int = 0) -> list[Response]:
    """Send requests, five from an address and twenty at a time."""
    answers: list[Response] = []
    for begin in range(0, count, 20):
        batch = [(visitor((first + i) // 5), get_bytes(path)) for i in range(begin, min(begin + 20, count))]
        answers += ask_all(config, batch)
    return answers


def _server_or_error(config: Placed, source: str) -> str:
    try:
        (answer,) = ask_all(config, [(source, get_bytes("/api/whoami"))])
    except (OSError, ExchangeError) as error:
        return type(error).__name__
    return answer.server or str(answer.status)
