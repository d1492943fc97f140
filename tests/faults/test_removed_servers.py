"""What a snapshot takes away goes: idle connections to servers that are gone, and all of one that is marked down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.bare import BareDataplane, backend, frontend, snapshot
from support.scripted import ScriptedServer, answering
from tenbin.testing import Client, wait_for

if TYPE_CHECKING:
    from support.scripted import Peer
    from tenbin.testing.client import Address


def test_pooled_connections_of_all_threads_end_with_their_server(plane: BareDataplane, address: Address) -> None:
    ended: list[int] = []

    def script(peer: Peer) -> None:
        answering()(peer)
        ended.append(peer.number)

    pool = {"reuse": "always", "max_idle": 16, "idle_timeout": 600_000}
    listeners = {f"{address[0]}:{address[1]}": "web"}
    with ScriptedServer(script) as old, ScriptedServer(answering()) as new:

        def apply(generation: int, server: ScriptedServer) -> None:
            servers = {f"s{generation}": f"127.0.0.1:{server.port}"}
            whole = snapshot(generation, listeners, [frontend("web", "app")], [backend("app", servers, pool=pool)])
            assert plane.ask("apply", snapshot=whole)["ok"]

        apply(1, old)
        for _ in range(30):
            with Client(address) as client:
                assert client.get("/").status == 200
        # Two threads took the connections, and each keeps one of its own to the server.
        assert len(old.peers) >= 2
        apply(2, new)
        wait_for(lambda: len(ended) == len(old.peers), 6, "idle connections to a removed server are closed")


def test_a_snapshot_that_says_down_cuts_connections(plane: BareDataplane, address: Address) -> None:
    """The same snapshot may change how the backend looks, which makes it a new one."""
    patient = {"client": 60_000, "header": 2000, "keep_alive": 2000, "tunnel": 60_000}
    web = {**frontend("web", "app"), "mode": "tcp", "timeouts": patient}
    listeners = {f"{address[0]}:{address[1]}": "web"}
    with ScriptedServer(lambda peer: peer.hold()) as server:

        def apply(generation: int, **more: object) -> None:
            app: dict[str, Any] = backend("app", {"only": f"127.0.0.1:{server.port}"}, close_on_down=True)
            app["mode"] = "tcp"
            app["timeouts"] = {"connect": 2000, "server": 60_000, "queue": 2000, "tunnel": 60_000}
            app["servers"][0].update(more)
            assert plane.ask("apply", snapshot=snapshot(generation, listeners, [web], [app]))["ok"]

        apply(1)
        with Client(address, timeout=5) as client:
            client.socket.sendall(b"hello")
            server.wait_peer()
            apply(2, health="down", max_connections=99)
            assert client.receive() == b""
