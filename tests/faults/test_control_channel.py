"""The control channel under stress: nothing that happens to it harms the traffic, and it serves the next one."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from tenbin.plan.wire import PROTOCOL
from tenbin.testing import Client, Lease, fetch, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers
    from tenbin.testing.client import Address


@pytest.fixture
def plane() -> Iterator[BareDataplane]:
    with BareDataplane() as own:
        yield own


@pytest.fixture
def address() -> Iterator[Address]:
    with Lease(1) as own:
        yield ("127.0.0.1", own.ports[0])


def fixed(address: Address, **more: object) -> dict[str, Any]:
    """A snapshot that answers everything by itself."""
    action = {"kind": "respond", "status": 200, "headers": [], "body": "fine"}
    web = frontend("web", "none", routes=[{"action": action}])
    return {**snapshot(1, {f"{address[0]}:{address[1]}": "web"}, [web], []), **more}


def another(plane: BareDataplane) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(str(plane.path))
    return connection


def test_descriptors_that_run_out_do_not_end_the_process(plane: BareDataplane, address: Address) -> None:
    plane.listen(address)
    assert plane.ask("apply", snapshot=fixed(address))["ok"]
    with Client(address) as first:
        assert first.get("/").status == 200
        pid = plane.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(list(Path(f"/proc/{pid}/fd").iterdir())), 4096))
        with another(plane):
            assert first.get("/").status == 200
            assert plane.ask("get_stats")["ok"]
            assert plane.process.alive
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
    assert fetch(address, "/api/whoami").status == 200
    with another(plane):
        assert plane.ask("get_stats")["ok"]


def test_a_broken_frame_ends_the_connection(plane: BareDataplane) -> None:
    plane.connection.sendall(b"\xff\xff\xff\xff")
    assert plane.connection.recv(1) == b""
    with another(plane) as next_one:
        body = b'{"type": "hello", "id": 1, "protocol": %d, "pid": 1}' % PROTOCOL
        next_one.sendall(len(body).to_bytes(4, "big") + body)
        assert b'"ok":true' in next_one.recv(4096)


def test_a_log_that_nobody_reads_does_not_stop_a_reload(plane: BareDataplane, address: Address, tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    plane.listen(address)
    stalled = fixed(address, access_log={"target": str(pipe), "format": "json"})
    assert plane.ask("apply", snapshot=stalled)["ok"]
    long = request_bytes("GET", "/" + "a" * 1500)
    with Client(address) as client:
        for _ in range(60):
            client.socket.sendall(long * 100)
            assert all(client.read_response().status == 200 for _ in range(100))
    wait_for(lambda: plane.ask("get_stats")["stats"]["process"]["log_dropped"] > 0, 10)
    for generation in (2, 3):
        assert plane.ask("apply", snapshot={**stalled, "generation": generation})["ok"]
    log = tmp_path / "file"
    assert plane.ask("apply", snapshot={**stalled, "access_log": {"target": str(log), "format": "json"}})["ok"]
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        wait_for(log.exists, 10, "the new target is opened")
        assert fetch(address, "/after").status == 200
        wait_for(lambda: "/after" in log.read_text(), 5)
    finally:
        os.close(reader)


def test_more_sockets_than_threads_are_all_accepted_on(plane: BareDataplane, address: Address) -> None:
    plane.listen(address, threads=5)
    assert plane.ask("apply", snapshot=fixed(address))["ok"]
    for _ in range(40):
        with Client(address, timeout=2) as client:
            assert client.get("/").status == 200


def test_rates_and_peaks_are_not_those_of_the_restored_totals(
    plane: BareDataplane, address: Address, trio: Servers
) -> None:
    servers = {"one": f"127.0.0.1:{trio.port('server1')}"}
    listeners = {f"{address[0]}:{address[1]}": "web"}
    plane.listen(address)
    whole = snapshot(1, listeners, [frontend("web", "app")], [backend("app", servers)])
    assert plane.ask("apply", snapshot=whole)["ok"]

    def stats() -> dict[str, Any]:
        found: dict[str, Any] = plane.ask("get_stats")["stats"]
        return found

    def measured() -> bool:
        fetch(address, "/api/whoami")
        return stats()["frontends"][0]["rate_requests_max"] > 0

    wait_for(measured, 5, "a second was measured")
    old = stats()
    for counted in (old["frontends"][0], old["backends"][0], old["backends"][0]["servers"][0]):
        counted["total"] = counted["requests"] = 1_000_000
        counted["max"] = 7
    assert plane.ask("restore", stats=old)["ok"]
    assert fetch(address, "/api/whoami").status == 200
    wait_for(lambda: stats()["frontends"][0]["rate_requests"] == 0, 5)
    new = stats()
    assert new["frontends"][0]["requests"] > 1_000_000
    for counted in (new["backends"][0], new["backends"][0]["servers"][0]):
        assert counted["rate_max"] < 1000
        assert counted["max"] == 7
    assert new["frontends"][0]["rate_requests_max"] < 1000
