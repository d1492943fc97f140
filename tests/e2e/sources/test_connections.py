"""How many connections one source has at once, exactly, and what becomes of the others."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

from support.certificates import make_certificate
from support.kernel import descriptors
from support.scripted import ScriptedServer
from tenbin.testing import Client, ExchangeError, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

OTHER = "127.0.0.2"
FAST = "/api/fast"


def limited(trio: Servers, connections: int, frontend: dict[str, object] | None = None, **top: object) -> str:
    """A configuration with two threads and so many connections for each source."""
    limits = {"per_source": {"connections": connections}}
    return config_text(trio.first(2), None, {"limits": limits, **(frontend or {})}, threads=2, **top)


def opened(tenbin: Tenbin, count: int, source: str = "") -> tuple[list[Client], Counter[int]]:
    """Open so many connections from eight threads, send a request on each; return those that serve and all statuses."""
    kept: list[Client] = []
    statuses: list[int] = []

    def some(share: int) -> None:
        for client in [tenbin.client(source=source) for _ in range(share)]:
            status = client.get(FAST).status
            statuses.append(status)
            if status == 200:
                kept.append(client)
            else:
                client.close()

    threads = [threading.Thread(target=some, args=(len(range(i, count, 8)),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return kept, Counter(statuses)


@contextlib.contextmanager
def closing(clients: list[Client]) -> Iterator[list[Client]]:
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def told(tenbin: Tenbin, **figures: int) -> None:
    """Wait until the frontend is told to have these figures."""

    def right() -> bool:
        traffic = tenbin.status()["frontends"][0]["traffic"]
        return {name: traffic[name] for name in figures} == figures

    wait_for(right, 15, str(figures))


def test_so_many_at_once_and_not_one_more(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, 20))
    kept, statuses = opened(tenbin, 80)
    with closing(kept):
        assert statuses == {200: 20, 429: 60}
        others, found = opened(tenbin, 16, OTHER)
        with closing(others):
            assert found == {200: 16}
            told(tenbin, current=36, total=36, source_connections_refused=60)
            assert tenbin.status()["frontends"][0]["traffic"]["errors"] == {"source-connections": 60}
        for client in kept[:5]:
            client.close()
        told(tenbin, current=15)
        more, found = opened(tenbin, 40)
        with closing(more):
            assert found == {200: 5, 429: 35}
            assert {client.get(FAST).status for client in (*kept[5:], *more)} == {200}


def test_the_answer_comes_before_the_request_and_the_end_after_it(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, 1))
    with tenbin.client() as first:
        # Threads accept in any order: it has its place before the others come.
        assert first.get(FAST).status == 200
        with tenbin.client() as extra, tenbin.client() as large:
            answer = extra.read_response()
            assert (answer.status, answer.header("tenbin-reason")) == (429, "source-connections")
            assert (answer.header("retry-after"), answer.keep_alive) == ("1", False)
            assert extra.read_to_end() == b""
            large.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40_000)
            assert large.read_response().status == 429, "what the client sends does not cost it the answer"


def test_a_flood_of_refused_connections_leaves_nothing_behind(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, 2))
    with tenbin.client() as first, tenbin.client() as second:
        assert [first.get(FAST).status, second.get(FAST).status] == [200] * 2
        before = descriptors(tenbin.dataplane_pid)
        flood = [tenbin.client() for _ in range(800)]
        told(tenbin, source_connections_refused=800)
        with tenbin.client(source=OTHER) as other:
            assert other.get(FAST).status == 200
        wait_for(lambda: descriptors(tenbin.dataplane_pid) <= before + 2, 5)
        assert tenbin.log().count("as many as it may") == 1
        for client in flood:
            client.close()


def test_connections_of_a_trusted_proxy_are_not_counted(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, 3, {"trusted_proxies": ["127.0.0.1"]}))
    kept, statuses = opened(tenbin, 16)
    with closing(kept):
        assert statuses == {200: 16}
    kept, statuses = opened(tenbin, 16, OTHER)
    with closing(kept):
        assert statuses == {200: 3, 429: 13}


def test_a_reload_keeps_the_count_and_its_end(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(limited(trio, 3))
    kept, statuses = opened(tenbin, 8)
    with closing(kept):
        assert statuses == {200: 3, 429: 5}
        assert tenbin.reload(limited(trio, 5, timeouts={"header": "9s"})).returncode == 0
        more, statuses = opened(tenbin, 8)
        with closing(more):
            assert statuses == {200: 2, 429: 6}
            kept.pop().close()
            told(tenbin, current=4)
            last, statuses = opened(tenbin, 8)
            with closing(last):
                assert statuses == {200: 1, 429: 7}
    told(tenbin, current=0)
    again, statuses = opened(tenbin, 8)
    with closing(again):
        assert statuses == {200: 5, 429: 3}


def test_what_is_refused_is_logged(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    tenbin = start_tenbin(limited(trio, 1, log={"access": str(file), "format": "json"}))
    with tenbin.client() as first:
        assert first.get(FAST).status == 200
        with tenbin.client() as extra:
            assert extra.read_response().status == 429
    wait_for(lambda: file.exists() and "source-connections" in file.read_text(), 5)
    (line,) = (json.loads(line) for line in file.read_text().splitlines() if "source-connections" in line)
    assert (line["status"], line["frontend"]) == (429, "web")


def greet(peer: Peer) -> None:
    peer.send(b"hello")
    while peer.read():
        peer.received.clear()


def greeted(client: Client) -> bool:
    """Whether the server behind answers; a connection that is refused ends instead."""
    try:
        return client.receive() == b"hello"
    except ExchangeError:
        return False


def test_in_mode_tcp_a_connection_too_many_is_closed(start_tenbin: StartTenbin) -> None:
    with ScriptedServer(greet) as server:
        limits = {"mode": "tcp", "limits": {"per_source": {"connections": 2}}}
        tenbin = start_tenbin(config_text({"only": server.port}, None, limits, threads=2))
        clients = [tenbin.client() for _ in range(2)]
        assert [greeted(client) for client in clients] == [True] * 2
        extra = [tenbin.client() for _ in range(6)]
        assert [greeted(client) for client in extra] == [False] * 6
        with tenbin.client(source=OTHER) as other:
            assert greeted(other)
        told(tenbin, source_connections_refused=6)
        clients.pop().socket.shutdown(socket.SHUT_RDWR)
        told(tenbin, current=1)
        with tenbin.client() as again:
            assert greeted(again)
        for client in (*clients, *extra):
            client.close()


def test_a_connection_too_many_in_tls_is_closed_without_plain_text(
    start_tenbin: StartTenbin, trio: Servers, tmp_path: Path
) -> None:
    listen = [{"address": "{listen}", "tls": str(make_certificate(tmp_path / "site.pem"))}]
    limits = {"listen": listen, "limits": {"per_source": {"connections": 1}}}
    tenbin = start_tenbin(config_text(trio.first(1), None, limits))
    with tenbin.client() as first, tenbin.client() as second:
        told(tenbin, source_connections_refused=1)
        wait_for(lambda: first.readable() or second.readable(), 5)
        refused = first if first.readable() else second
        assert refused.socket.recv(100) == b""
