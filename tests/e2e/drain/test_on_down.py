"""What becomes of open connections when their server goes down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.scripted import OK, ScriptedServer
from support.traffic import Background, get_bytes, post_bytes
from tenbin.testing import Client, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers


def test_websockets_end_or_stay_as_the_backend_says(start_tenbin: StartTenbin, servers: Servers, trio: Servers) -> None:
    """Both backends have the same server and the same check, which asks another one that is killed."""
    check = {"http": "GET /health", "every": "150ms", "fall": 1, "port": servers.start("checked")}
    backend = {"check": check, "servers": {"server1": f"127.0.0.1:{trio.port('server1')}"}}
    value = {
        "frontends": {
            "web": {
                "listen": "{listen}",
                "routes": [{"when": 'param("keep") == "1"', "backend": "keeping"}, {"backend": "closing"}],
            }
        },
        "backends": {
            "closing": {**backend, "on_down": "close_connections"},
            "keeping": {**backend, "on_down": "keep"},
        },
    }
    tenbin = start_tenbin(yaml.safe_dump(value, sort_keys=False))
    for name in ("closing", "keeping"):
        tenbin.wait_health(f"{name}/server1", "up")
    url = f"ws://127.0.0.1:{tenbin.address[1]}/ws"
    with connect(f"{url}?keep=1") as kept, connect(url) as closed, Client(tenbin.address) as client:
        for peer in (kept, closed):
            peer.send("hello")
            assert peer.recv(5) == "hello"
        servers.kill("checked")
        tenbin.wait_health("closing/server1", "down")
        with pytest.raises(ConnectionClosed):
            closed.recv(5)
        tenbin.wait_health("keeping/server1", "down")
        kept.send("still here")
        assert kept.recv(5) == "still here"
        assert client.get("/api/fast").status == 503
        servers.start("checked")
        wait_for(lambda: client.get("/api/fast").status == 200, 5)


def test_requests_leave_a_server_that_goes_down(start_tenbin: StartTenbin, trio: Servers) -> None:
    """The server takes requests and is silent; its checks pass until they are told not to."""
    healthy = True

    def silent(peer: Peer) -> None:
        while head := peer.read_head():
            if not head.startswith(b"GET /health") or not healthy:
                peer.hold()
                return
            peer.send(OK)

    with ScriptedServer(silent) as stopped:
        backend = {
            "balance": "first",
            "check": {"http": "GET /health", "every": "150ms", "timeout": "150ms", "fall": 1},
            "on_down": "close_connections",
        }
        servers = {"stopped": stopped.port, "server1": trio.port("server1")}
        tenbin = start_tenbin(config_text(servers, backend, timeouts={"server": "20s"}))
        tenbin.wait_health("app/stopped", "up")
        safe = [Background(tenbin.address, get_bytes()) for _ in range(8)]
        unsafe = Background(tenbin.address, post_bytes("/api/session", b"{}"))
        wait_for(lambda: tenbin.server("app/stopped")["traffic"]["current"] == 9, 5)
        healthy = False
        assert [work.statuses(5) for work in safe] == [[200]] * 8
        assert {answer.server for work in safe for answer in work.answers} == {"server1"}
        assert unsafe.statuses(5) == [502]
