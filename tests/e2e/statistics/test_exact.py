"""What the statistics count is what was sent, to the request and to the byte."""

from __future__ import annotations

import re
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

from support.scripted import ScriptedServer
from tenbin.clock import SystemClock
from tenbin.testing import config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

CLOCK = SystemClock()
CLOSE = (("Connection", "close"),)
CHECK = {"tcp": True, "every": "100ms", "fall": 2, "rise": 2}
SETTINGS = {"check": CHECK, "eject": False, "retry": {"budget": "100%"}, "pool": {"reuse": "never"}}


class Sender:
    """Sends requests one by one, each on a connection of its own, and counts both ways."""

    def __init__(self, tenbin: Tenbin) -> None:
        self._address = tenbin.address
        self.requests = self.sent = self.received = 0
        self.statuses: Counter[int] = Counter()
        self.servers: Counter[str] = Counter()

    def send(self, method: str, target: str, count: int, body: bytes | None = None) -> None:
        data = request_bytes(method, target, CLOSE, body)
        for _ in range(count):
            with socket.create_connection(self._address, 10) as connection:
                connection.sendall(data)
                answer = b"".join(iter(lambda: connection.recv(65_536), b""))
            self.requests += 1
            self.sent += len(data)
            self.received += len(answer)
            self.statuses[int(answer.split(b" ", 2)[1])] += 1
            server = re.search(rb"(?i)\r\nx-container-id: (\S+)", answer)
            self.servers[server[1].decode() if server else ""] += 1

    @property
    def classes(self) -> dict[str, int]:
        found = Counter(f"{status // 100}xx" for status in self.statuses.elements())
        return {name: found[name] for name in ("1xx", "2xx", "3xx", "4xx", "5xx", "other")}


def settled(tenbin: Tenbin, sender: Sender) -> tuple[dict[str, Any], dict[str, Any]]:
    """Wait until what was sent is counted, and return the frontend's and the backend's part of the status."""

    def counted() -> dict[str, Any] | None:
        document = tenbin.status()
        traffic = document["frontends"][0]["traffic"]
        done = traffic["current"] == 0 and sum(traffic["responses"].values()) >= sender.requests
        return document if done else None

    document = wait_for(counted, 5)
    return document["frontends"][0], document["backends"][0]


def test_every_request_answer_retry_and_byte_is_counted(start_tenbin: StartTenbin, trio: Servers) -> None:
    def silent(peer: Peer) -> None:
        """Take a request and close; checks are content with the connection."""
        peer.read_head()

    with ScriptedServer(silent) as broken:
        servers = {**trio.first(2), "broken": broken.port}
        tenbin = start_tenbin(config_text(servers, SETTINGS))
        for name in servers:
            tenbin.wait_health(f"app/{name}", "up")
        # A GET that meets the broken server is repeated, a POST is not.
        sender = Sender(tenbin)
        sender.send("GET", "/api/whoami", 12)
        sender.send("GET", "/api/error", 6)
        sender.send("GET", "/api/missing", 3)
        assert sender.statuses == {200: 12, 500: 6, 404: 3}
        sender.send("POST", "/echo", 6, b"x" * 1000)
        lost = sender.statuses[502]
        assert lost > 0
        asked = sum(b"\r\n\r\n" in peer.received for peer in broken.peers)

        web, app = settled(tenbin, sender)
        front, back = web["traffic"], app["traffic"]
        assert front["requests"] == front["total"] == back["requests"] == sender.requests == 27
        assert front["responses"] == back["responses"] == sender.classes
        assert front["errors"] == {"server-closed": lost}
        assert (front["bytes_in"], front["bytes_out"]) == (sender.sent, sender.received)
        assert web["listeners"][0]["traffic"]["bytes_in"] == sender.sent
        assert (front["intercepted"], front["denied"], front["request_errors"]) == (0, 0, 0)

        one, two, bad = (server["traffic"] for server in app["servers"])
        assert bad["requests"] == bad["response_errors"] == bad["failures"] == asked
        assert bad["retries"] == bad["redispatches"] == back["retries"] == back["redispatches"] == asked - lost
        assert sum(bad["responses"].values()) == 0
        assert (one["requests"], two["requests"]) == (sender.servers["server1"], sender.servers["server2"])
        assert one["requests"] + two["requests"] == one["connects"] + two["connects"] == 27 - lost
        assert back["connects"] == 27 - lost + asked
        assert back["total"] == 27 + asked - lost, "times that a server was chosen"
        assert (back["reuses"], back["connect_errors"], one["failures"], two["failures"]) == (0, 0, 0, 0)
        assert back["phases"]["total"]["samples"] == 27 - lost
        assert front["phases"]["total"]["samples"] == 27


def test_refused_denied_and_answered_requests_are_told_apart(start_tenbin: StartTenbin, trio: Servers) -> None:
    routes = [
        {"prefix": "/secret", "deny": 403},
        {"prefix": "/hello", "respond": {"status": 200, "body": "hello"}},
        {"prefix": "/old", "redirect": {"location": "/new"}},
        {"backend": "app"},
    ]
    tenbin = start_tenbin(config_text(trio.first(1), None, {"routes": routes}))
    sender = Sender(tenbin)
    sender.send("GET", "/secret", 2)
    sender.send("GET", "/hello", 3)
    sender.send("GET", "/old", 4)
    sender.send("GET", "/api/whoami", 5)
    sender.send("TRACE", "/", 1)
    web, app = settled(tenbin, sender)
    front, listener = web["traffic"], web["listeners"][0]["traffic"]
    assert (front["denied"], front["intercepted"], front["request_errors"]) == (2, 7, 1)
    assert (listener["denied"], listener["request_errors"], listener["total"]) == (2, 1, 15)
    assert front["responses"] == sender.classes
    assert app["traffic"]["requests"] == 5
    assert (front["bytes_in"], front["bytes_out"]) == (sender.sent, sender.received)


def test_outages_of_servers_and_of_the_backend_are_measured(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text(servers.some(2), SETTINGS))
    for name in servers.ports:
        tenbin.wait_health(f"app/{name}", "up")
    sender = Sender(tenbin)
    sender.send("GET", "/api/whoami", 4)

    killed = CLOCK.now()
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    noticed = CLOCK.now()
    sender.send("GET", "/api/whoami", 6)
    servers.kill("server2")
    tenbin.wait_health("app/server2", "down")
    sender.send("GET", "/api/whoami", 2)
    backend = settled(tenbin, sender)[1]
    assert (backend["text"], backend["downs"]) == ("DOWN", 1)
    assert [server["downs"] for server in backend["servers"]] == [1, 1]

    servers.start("server2")
    tenbin.wait_health("app/server2", "up")
    returning = CLOCK.now()
    servers.start("server1")
    tenbin.wait_health("app/server1", "up")
    returned = CLOCK.now()
    sender.send("GET", "/api/whoami", 4)

    web, backend = settled(tenbin, sender)
    first, second = backend["servers"]
    assert sender.statuses == {200: 14, 503: 2}
    assert web["traffic"]["responses"] == backend["traffic"]["responses"] == sender.classes
    assert web["traffic"]["errors"] == {"no-server-up": 2}
    served = {server["name"]: server["traffic"]["requests"] for server in backend["servers"]}
    assert served == {name: sender.servers[name] for name in served}
    assert sum(served.values()) == 14
    assert backend["traffic"]["redispatches"] == 0, "checks found it before a request did"
    assert (first["downs"], second["downs"], backend["downs"]) == (1, 1, 1)
    assert first["check"]["downs"] == 1
    assert returning - noticed <= first["downtime"] <= returned - killed
    assert 0 < backend["downtime"] < first["downtime"]
    assert first["changed"] < second["changed"]
    later = tenbin.server("app/server1")
    assert later["downtime"] == first["downtime"], "it stands still while the server serves"

    tenbin.run_cli("server", "maint", "app/server1")
    maint = tenbin.server("app/server1")
    assert (maint["downs"], maint["check"] and maint["check"]["downs"]) in {(2, None), (2, 1)}
    wait_for(lambda: tenbin.server("app/server1")["downtime"] > first["downtime"], 5)
    assert tenbin.status()["backends"][0]["downs"] == 1, "the other one serves"
