"""How servers count before their first check, and how many checks change that."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from support.as_haproxy import DEFAULTS, Started
from support.scripted import OK, ScriptedServer
from tenbin.testing import Tenbin, config_text, fetch, wait_for
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.scripted import Peer


class Gated:
    """A server whose checks are not answered before a test lets them through, one by one."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.answer = OK

    def __call__(self, peer: Peer) -> None:
        while head := peer.read_head():
            if head.startswith(b"GET /health"):
                self.gate.acquire(timeout=60)
                peer.send(self.answer)
            else:
                peer.send(OK)


def status(tenbin: Tenbin) -> int:
    return tenbin.get("/").status


def started(start: StartTenbin, server: ScriptedServer, initial: str) -> Tenbin:
    check = {"http": "GET /health", "every": "100ms", "timeout": "60s", "rise": 2, "fall": 2}
    servers = {"only": {"port": server.port, "initial": initial}}
    return start(config_text(servers, {"check": check}))


@pytest.mark.parametrize(("initial", "passes"), [("down", 1), ("fully_down", 2)])
def test_a_server_that_begins_down_gets_work_after_checks_that_pass(
    start_tenbin: StartTenbin, initial: str, passes: int
) -> None:
    script = Gated()
    with ScriptedServer(script) as server:
        tenbin = started(start_tenbin, server, initial)
        assert status(tenbin) == 503
        for number in range(passes):
            wait_for(lambda: len(server.peers) > number, 20)  # noqa: B023 - it is called in this turn
            assert status(tenbin) == 503
            script.gate.release()
        wait_for(lambda: status(tenbin) == 200, 20)
        # What holds is kept by a reload, which begins nothing anew.
        tenbin.reload()
        assert status(tenbin) == 200
        script.gate.release(1000)


@pytest.mark.parametrize(("initial", "failures"), [("up", 1), ("fully_up", 2)])
def test_a_server_that_begins_up_gets_work_until_checks_fail(
    start_tenbin: StartTenbin, initial: str, failures: int
) -> None:
    script = Gated()
    script.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    with ScriptedServer(script) as server:
        tenbin = started(start_tenbin, server, initial)
        for _ in range(failures):
            assert status(tenbin) == 200
            script.gate.release()
            wait_for(lambda: script.gate._value == 0, 20)
        wait_for(lambda: status(tenbin) == 503, 20)
        script.gate.release(1000)


def test_init_state_of_a_haproxy_cfg(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder: Path = tmp_path_factory.mktemp("hp")
    script = Gated()
    with Lease(1) as lease, ScriptedServer(script) as server:
        (folder / "a.cfg").write_text(
            f"{DEFAULTS}listen app\n bind 127.0.0.1:{lease.ports[0]}\n option httpchk GET /health\n timeout check 60s\n"
            f" monitor-uri /alive\n server only 127.0.0.1:{server.port} check inter 100ms init-state down\n"
        )
        at = ("127.0.0.1", lease.ports[0])
        with Started("-db", "-f", "a.cfg", folder=folder) as process:
            wait_for(lambda: _answers(at), 30)
            assert fetch(at, "/").status == 503
            script.gate.release(1000)
            wait_for(lambda: fetch(at, "/").status == 200, 20)
            process.says("Server app/only is UP")


def _answers(at: tuple[str, int]) -> bool:
    try:
        return fetch(at, "/alive").status == 200
    except OSError:
        return False
