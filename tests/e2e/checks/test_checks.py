"""Checks of every kind, and servers that are left out by what requests meet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, ScriptedServer, answering, once
from support.traffic import parallel, post_bytes, spread
from tenbin.testing import config_text, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers

QUICK = {"every": "150ms", "fall": 2, "rise": 2}

PYTHON = """\
from pathlib import Path

from tenbin.health import Result


async def check(server):
    if Path({flag!r}).exists():
        return Result.passed(f"{{server.name}} is fine")
    return Result.failed("the flag is gone")
"""


def test_tcp_checks(start_tenbin: StartTenbin, servers: Servers) -> None:
    tenbin = start_tenbin(config_text(servers.some(2), {"check": {"tcp": True, **QUICK}}))
    tenbin.wait_health("app/server1", "up")
    assert tenbin.server("app/server1")["check"]["status"] == "L4OK"
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    assert tenbin.server("app/server1")["check"]["status"] == "L4CON"


def test_a_program_decides(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    program, flag = tmp_path / "check.sh", tmp_path / "down"
    program.write_text(f'#!/bin/sh\n[ "$TENBIN_SERVER" = server1 ] && [ -e "{flag}" ] && exit 3\nexit 0\n')
    program.chmod(0o755)
    tenbin = start_tenbin(config_text(trio.first(2), {"check": {"exec": [str(program)], **QUICK}}))
    tenbin.wait_health("app/server1", "up")
    flag.touch()
    tenbin.wait_health("app/server1", "down")
    assert tenbin.server("app/server1")["check"]["code"] == 3
    assert tenbin.server("app/server2")["health"] == "up"
    flag.unlink()
    tenbin.wait_health("app/server1", "up")


def test_a_python_function_decides(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    file, flag = tmp_path / "checks.py", tmp_path / "flag"
    flag.touch()
    file.write_text(PYTHON.format(flag=str(flag)))
    tenbin = start_tenbin(config_text(trio.first(1), {"check": {"python": f"{file}:check", **QUICK}}))
    tenbin.wait_health("app/server1", "up")
    flag.unlink()
    tenbin.wait_health("app/server1", "down")
    assert "the flag is gone" in tenbin.server("app/server1")["check"]["text"]


def test_rise_and_fall_are_counted(start_tenbin: StartTenbin, servers: Servers) -> None:
    check = {"http": "GET /health", "every": "150ms", "fall": 4, "rise": 3}
    tenbin = start_tenbin(config_text(servers.some(2), {"check": check}))
    tenbin.wait_health("app/server1", "up")
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    assert "4 of 4" in tenbin.log()
    servers.start("server1")
    tenbin.wait_health("app/server1", "up")
    newest = [entry["status"] for entry in tenbin.server("app/server1")["check"]["history"]]
    assert newest.index("L4CON") >= 3


def test_a_check_may_go_elsewhere(start_tenbin: StartTenbin, servers: Servers) -> None:
    servers.some(2)
    check = {"http": "GET /health", "port": servers.port("server2"), **QUICK}
    tenbin = start_tenbin(config_text(servers.first(1), {"check": check}))
    tenbin.wait_health("app/server1", "up")
    servers.kill("server2")
    tenbin.wait_health("app/server1", "down")


def test_a_check_may_go_to_another_host(start_tenbin: StartTenbin, trio: Servers) -> None:
    check = {"http": "GET /health", "address": "127.0.0.9", **QUICK}
    tenbin = start_tenbin(config_text(trio.first(1), {"check": check}))
    tenbin.wait_health("app/server1", "down")
    assert tenbin.server("app/server1")["check"]["status"] == "L4CON", "the servers listen on 127.0.0.1 alone"
    text = config_text(trio.first(1), {"check": {**check, "address": "127.0.0.1"}})
    assert tenbin.reload(text).returncode == 0
    tenbin.wait_health("app/server1", "up")


def test_a_check_sends_its_headers(start_tenbin: StartTenbin) -> None:
    with ScriptedServer(answering()) as server:
        check = {"http": "GET /up?x=1", "headers": {"Host": "check.test", "X-Check": "yes"}, **QUICK}
        tenbin = start_tenbin(config_text({"only": server.port}, {"check": check}))
        tenbin.wait_health("app/only", "up")
        head = bytes(server.peers[0].received).decode().lower()
    assert head.startswith("get /up?x=1 http/1.")
    assert "host: check.test\r\n" in head
    assert "x-check: yes\r\n" in head


@pytest.mark.parametrize(
    ("answer", "expect", "up"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall good", {"status": 200, "body": "good"}, True),
        (b"HTTP/1.1 204 No\r\n\r\n", "200-299", True),
        (b"HTTP/1.1 301 No\r\nContent-Length: 0\r\n\r\n", [200, "301-302"], True),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 200, False),
        (b"garbage", 200, False),
    ],
)
def test_what_is_expected(start_tenbin: StartTenbin, answer: bytes, expect: object, up: bool) -> None:
    with ScriptedServer(once(answer)) as server:
        check = {"http": "GET /", "expect": expect, **QUICK}
        tenbin = start_tenbin(config_text({"only": server.port}, {"check": check}))
        tenbin.wait_health("app/only", "up" if up else "down")


def test_passive_failures_leave_a_server_out_for_a_while(start_tenbin: StartTenbin, servers: Servers) -> None:
    ports = {"dead": servers.port("dead"), "good": servers.start("good")}
    backend = {"passive": {"max_fails": 2, "fail_timeout": "1s"}, "retry": {"budget": "100%"}}
    tenbin = start_tenbin(config_text(ports, backend))
    assert set(spread(tenbin.address, 20)) == {"good"}
    wait_for(lambda: tenbin.server("app/dead")["traffic"]["ejected"] > 0, 5)
    servers.start("dead")
    wait_for(lambda: spread(tenbin.address, 10)["dead"] == 5, 5)


def test_a_server_that_came_up_starts_slowly(start_tenbin: StartTenbin, servers: Servers) -> None:
    check = {"http": "GET /health", "every": "150ms", "fall": 1, "rise": 1}
    tenbin = start_tenbin(config_text(servers.some(2), {"check": check, "slow_start": "12s"}))
    tenbin.wait_health("app/server2", "up")
    servers.kill("server1")
    tenbin.wait_health("app/server1", "down")
    servers.start("server1")
    tenbin.wait_health("app/server1", "up")
    early = spread(tenbin.address, 40)
    assert early["server1"] < 14, early
    wait_for(lambda: Counter(spread(tenbin.address, 20)) == {"server1": 10, "server2": 10}, 30)


def test_bounded_load_passes_the_excess_on(start_tenbin: StartTenbin, trio: Servers) -> None:
    balance = {"hash": {"key": "path", "load_factor": 150}}
    tenbin = start_tenbin(config_text(trio.ports, {"balance": balance}))
    answers = parallel(tenbin.address, [post_bytes("/api/long-operation", b'{"duration": 400}')] * 30)
    counts = Counter(answer.server for answer in answers)
    assert len(counts) >= 2, counts
    assert max(counts.values()) <= 20, counts


def test_nothing_is_asked_of_a_server_that_was_never_seen_up(start_tenbin: StartTenbin) -> None:
    """A server that fails its first checks gets work only until they have failed."""
    failing = answering(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    with ScriptedServer(answering(OK)) as good, ScriptedServer(failing) as bad:
        check = {"http": "GET /", **QUICK}
        tenbin = start_tenbin(config_text({"good": good.port, "bad": bad.port}, {"check": check}))
        tenbin.wait_health("app/bad", "down")
        assert {tenbin.get("/").status for _ in range(10)} == {200}
