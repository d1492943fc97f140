"""Limits and the queues in front of them: exact, fair, and with a way out."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, ScriptedServer
from support.traffic import Background, get_bytes, long_operation, parallel, under_way
from tenbin.clock import SystemClock
from tenbin.testing import Client, ExchangeError, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers

CLOCK = SystemClock()


class Gate(ScriptedServer):
    """A server that answers nothing until `opened`; `order` is the order in which targets came."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.order: list[str] = []
        super().__init__(self._answer)

    def _answer(self, peer: Peer) -> None:
        while head := peer.read_head():
            self.order.append(head.split()[1].decode())
            self.opened.wait(20)
            peer.send(OK)


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as own:
        yield own
        own.opened.set()


def limited(trio: Servers, connections: int, **more: object) -> dict[str, object]:
    """server1 with a limit."""
    return {"server1": {"port": trio.port("server1"), "max_connections": connections, **more}}


def test_a_full_server_makes_requests_wait_their_turn(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(limited(trio, 2)))
    answers = parallel(tenbin.address, [long_operation(100)] * 20)
    assert Counter(answer.status for answer in answers) == {200: 20}
    server = tenbin.server("app/server1")["traffic"]
    assert server["max"] == 2
    assert tenbin.status()["backends"][0]["traffic"]["queue_max"] >= 10


def test_the_queue_is_served_in_order(start_tenbin: StartTenbin, gate: Gate) -> None:
    tenbin = start_tenbin(config_text({"gate": {"port": gate.port, "max_connections": 1}}, timeouts={"queue": "30s"}))
    waiting = []
    for i in range(6):
        waiting.append(Background(tenbin.address, get_bytes(f"/{i}")))
        wait_for(lambda i=i: under_way(tenbin) == i + 1, 5)
    gate.opened.set()
    assert [one.statuses() for one in waiting] == [[200]] * 6
    assert gate.order == ["/0", "/1", "/2", "/3", "/4", "/5"]


def test_waiting_too_long_is_a_503(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(limited(trio, 1), timeouts={"queue": "300ms"}))
    work = Background(tenbin.address, long_operation(2000))
    wait_for(lambda: under_way(tenbin) == 1, 5)
    begin = CLOCK.now()
    answer = tenbin.get()
    assert (answer.status, answer.header("tenbin-reason")) == (503, "queue-timeout")
    assert 0.25 < CLOCK.now() - begin < 1.5
    assert work.statuses() == [200]


def test_a_full_queue_is_a_503_at_once(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(limited(trio, 1), {"max_queue": 2}))
    answers = parallel(tenbin.address, [long_operation(400)] * 10)
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: 3, 503: 7}
    assert {answer.header("tenbin-reason") for answer in answers if answer.status == 503} == {"queue-full"}


def test_full_servers_pass_work_to_free_ones(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = {name: {"port": port, "max_connections": 3} for name, port in trio.ports.items()}
    answers = parallel(start_tenbin(config_text(servers)).address, [long_operation(300)] * 9)
    assert Counter(answer.server for answer in answers) == {"server1": 3, "server2": 3, "server3": 3}


def test_a_client_that_gives_up_leaves_the_queue(start_tenbin: StartTenbin, gate: Gate) -> None:
    tenbin = start_tenbin(config_text({"gate": {"port": gate.port, "max_connections": 1}}, timeouts={"queue": "30s"}))
    work = Background(tenbin.address, get_bytes("/first"))
    wait_for(lambda: under_way(tenbin) == 1, 5)
    client = Client(tenbin.address)
    client.send(get_bytes("/given-up"))
    wait_for(lambda: under_way(tenbin) == 2, 5)
    client.reset()
    wait_for(lambda: under_way(tenbin) == 1, 5)
    gate.opened.set()
    assert work.statuses() == [200]
    assert tenbin.get("/after").status == 200
    assert gate.order == ["/first", "/after"]


@pytest.mark.parametrize(
    "threads",
    [
        1,
        2,
    ],
)
def test_a_frontend_takes_so_many_connections_and_no_more(
    start_tenbin: StartTenbin, trio: Servers, threads: int
) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), None, {"limits": {"connections": 5}}, threads=threads))
    clients = [Client(tenbin.address, timeout=1) for _ in range(5)]
    assert {client.get("/api/fast").status for client in clients} == {200}
    with Client(tenbin.address, timeout=1) as extra:
        try:
            refused = extra.get("/api/fast").status == 503
        except ExchangeError:
            refused = True
    assert refused
    clients.pop().close()
    wait_for(lambda: _served(tenbin.address), 5, "a place becomes free")
    for client in clients:
        assert client.get("/api/fast").status == 200
        client.close()


def _served(address: tuple[str, int]) -> bool:
    with Client(address, timeout=1) as client:
        return client.get("/api/fast").status == 200
