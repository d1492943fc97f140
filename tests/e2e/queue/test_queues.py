"""Limits of the whole process, and a server's own queue beside that of its backend."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import yaml

from support.scripted import OK, ScriptedServer
from support.traffic import Background, get_bytes, long_operation, parallel, post_bytes, under_way
from tenbin.clock import SystemClock
from tenbin.testing import Client, ExchangeError, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

CLOCK = SystemClock()
PLAIN = {"sticky": {"cookie": "C", "plain": True}}
TO_1 = ("Cookie", "C=server1")


def long_sticky(milliseconds: int) -> bytes:
    return post_bytes("/api/long-operation", b'{"duration": %d}' % milliseconds, TO_1)


def queued(tenbin: Tenbin) -> int:
    return int(tenbin.server("app/server1")["traffic"]["queue"])


@pytest.mark.parametrize("threads", [1, 2])
def test_the_process_takes_so_many_clients_and_the_rest_wait(
    start_tenbin: StartTenbin, trio: Servers, threads: int
) -> None:
    text = config_text(
        trio.first(1), None, {"listen": ["{listen}", "{listen2}"]}, limits={"connections": 6}, threads=threads
    )
    tenbin = start_tenbin(text)
    places = (tenbin.address, tenbin.address_of("listen2"))
    clients = [Client(place) for place in places for _ in range(3)]
    assert {client.get("/api/fast").status for client in clients} == {200}
    waiting = [Client(place) for place in places]
    for client in waiting:
        client.send(request_bytes("GET", "/api/fast"))
    for client in clients:
        assert client.get("/api/fast").status == 200, "who is in goes on"
    assert not any(client.readable() for client in waiting)
    wait_for(lambda: tenbin.status()["process"]["connections"] == 6, 5)
    for client in clients:
        client.close()
    assert [client.read_response().status for client in waiting] == [200, 200]
    for client in waiting:
        client.close()


def test_sticky_clients_wait_for_their_own_server(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = {"server1": {"port": trio.port("server1"), "max_connections": 1}, "server2": trio.port("server2")}
    tenbin = start_tenbin(config_text(servers, PLAIN))
    work = Background(tenbin.address, *[long_sticky(400)] * 3)
    wait_for(lambda: queued(tenbin) == 2, 5)
    assert {tenbin.get().server for _ in range(4)} == {"server2"}, "others go where there is room"
    assert work.statuses() == [200] * 3
    assert {answer.server for answer in work.answers} == {"server1"}


def test_a_full_queue_of_its_server_sends_a_sticky_client_elsewhere(start_tenbin: StartTenbin, trio: Servers) -> None:
    server1 = {"port": trio.port("server1"), "max_connections": 1, "max_queue": 1}
    tenbin = start_tenbin(config_text({"server1": server1, "server2": trio.port("server2")}, PLAIN))
    work = Background(tenbin.address, *[long_sticky(800)] * 2)
    wait_for(lambda: queued(tenbin) == 1, 5)
    answer = tenbin.get("/api/whoami", TO_1)
    assert (answer.status, answer.server) == (200, "server2")
    assert work.statuses() == [200] * 2


def test_who_waits_for_one_server_and_who_waits_for_any_take_turns(start_tenbin: StartTenbin) -> None:
    order: list[str] = []

    def note(peer: Peer) -> None:
        while head := peer.read_head():
            target = head.split()[1].decode()
            order.append(target)
            if target == "/first":
                peer.read_until(b"go")
            peer.send(OK)

    with ScriptedServer(note) as server:
        only = {"server1": {"port": server.port, "max_connections": 1}}
        tenbin = start_tenbin(config_text(only, PLAIN, timeouts={"queue": "30s"}))
        holder = Client(tenbin.address)
        holder.send(request_bytes("POST", "/first", [("Content-Length", "2")]))
        wait_for(lambda: order == ["/first"], 5)
        waiting = []
        for i in range(8):
            headers = [TO_1] if i % 2 else []
            waiting.append(Background(tenbin.address, get_bytes(f"/{i}", *headers)))
            wait_for(lambda i=i: queued(tenbin) + under_way(tenbin) == i + 2, 5)
        holder.socket.sendall(b"go")
        assert holder.read_response().status == 200
        assert [one.statuses() for one in waiting] == [[200]] * 8
        assert order[1:] == [f"/{i}" for i in range(8)]
        holder.close()


def test_a_backend_and_a_frontend_have_their_own_times(start_tenbin: StartTenbin, trio: Servers) -> None:
    server = {"server1": {"address": f"127.0.0.1:{trio.port('server1')}", "max_connections": 1}}
    value = {
        "frontends": {
            "quick": {"listen": "{listen}", "timeouts": {"header": "300ms", "keep_alive": "300ms"}, "backend": "app"},
            "slow": {"listen": "{listen2}", "backend": "app"},
        },
        "backends": {"app": {"servers": server, "timeouts": {"queue": "300ms"}}},
        "timeouts": {"header": "20s", "keep_alive": "20s", "queue": "20s"},
    }
    tenbin = start_tenbin(yaml.safe_dump(value))
    begin = CLOCK.now()
    with Client(tenbin.address) as quick, Client(tenbin.address_of("listen2")) as slow, Client(tenbin.address) as idle:
        assert idle.get("/api/fast").status == 200
        for client in (quick, slow):
            client.send(b"GET / HTTP/1.1\r\n")
        assert quick.read_response().status == 408
        assert idle.read_to_end() == b""
        assert CLOCK.now() - begin < 4
        assert not slow.readable()
    work = Background(tenbin.address, long_operation(1500))
    wait_for(lambda: under_way(tenbin) == 1, 5)
    answer = tenbin.get()
    assert (answer.status, answer.header("tenbin-reason")) == (503, "queue-timeout")
    assert work.statuses() == [200]


def test_a_backend_wide_queue_is_shared_by_its_servers(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = {name: {"port": trio.port(name), "max_connections": 2} for name in ("server1", "server2")}
    tenbin = start_tenbin(config_text(servers, {"max_queue": 4}))
    answers = parallel(tenbin.address, [long_operation(400)] * 12)
    assert Counter(answer.status for answer in answers) == {200: 8, 503: 4}
    assert Counter(answer.server for answer in answers if answer.status == 200) == {"server1": 4, "server2": 4}


def test_beyond_the_limit_a_client_that_leaves_is_forgotten(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), limits={"connections": 1}, threads=1))
    with Client(tenbin.address) as first:
        assert first.get("/api/fast").status == 200
        for _ in range(5):
            Client(tenbin.address).close()
    with Client(tenbin.address) as after:
        try:
            assert after.get("/api/fast").status == 200
        except ExchangeError as error:
            raise AssertionError("the places of those who left are free") from error
