"""Statistics say what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.traffic import get_bytes, parallel
from tenbin.testing import config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers

SENT = {"/api/fast": (100, 200), "/api/slow": (50, 200), "/api/error": (20, 500), "/api/notfound": (10, 404)}


def test_statistics_of_requests_of_every_kind(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"check": {"http": "GET /health", "every": "500ms"}}))
    for name in ("server1", "server2"):
        tenbin.wait_health(f"app/{name}", "up")
    for path, (count, status) in SENT.items():
        answers = parallel(tenbin.address, [get_bytes(path)] * count)
        assert [answer.status for answer in answers] == [status] * count
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
    assert 0.05 < times["mean"] < 0.2, times
    assert times["p50"] < 0.2, "most were quick"
    assert times["p90"] > 0.35, "every fourth was slow"
    assert (backend["text"], backend["downs"], backend["downtime"]) == ("UP", 0, 0)

    assert sum(server["traffic"]["requests"] for server in backend["servers"]) == 180
    for server in backend["servers"]:
        assert server["text"] == "UP"
        assert server["check"]["passed_total"] > 0
        assert server["traffic"]["queue"] == 0
        assert server["traffic"]["current"] == 0
        assert server["traffic"]["failures"] == 0, "a 500 is an answer"
