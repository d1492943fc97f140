"""What it says of servers, in HAProxy's words, on stderr and to the logs of their proxies."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from support.as_haproxy import DEFAULTS, END, Started
from tenbin.testing.ports import Lease
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHECKED = "Layer4 check passed, check duration: [0-9]+ms"
REFUSED = 'Layer4 connection problem, info: "Connection refused", check duration: [0-9]+ms'


def test_servers_that_come_and_go_are_told(folder: Path) -> None:
    with Lease(2) as lease, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(20)
        _configure(folder, log.getsockname()[1], lease.ports, "")
        with Started("-db", "-f", "a.cfg", folder=folder) as process:
            expected = (
                rf"Server b/s1 is DOWN, reason: {REFUSED}. 0 active and 0 backup servers left. "
                "0 sessions active, 0 requeued, 0 remaining in queue."
            )
            line = log.recv(4000).decode()
            assert re.fullmatch(rf"<129>\w+ [ \d]\d [\d:]+ \S+ haproxy\[{process.pid}\]: {expected}\n", line)
            assert log.recv(4000).decode().endswith("]: backend b has no server available!\n")
            process.says("backend 'b' has no server available!")
            with socket.create_server(("127.0.0.1", lease.ports[1])):
                up = (
                    rf"Server b/s1 is UP, reason: {CHECKED}. 1 active and 0 backup servers online. "
                    "0 sessions requeued, 0 total in queue."
                )
                assert re.search(rf"<133>.*: {up}\n", log.recv(4000).decode())
                wait_for(lambda: re.search(rf"\[WARNING\]  \({process.pid}\) : {up}", process.output()), END)


def test_checks_are_told_where_that_is_wanted(folder: Path) -> None:
    with Lease(2) as lease, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(20)
        _configure(folder, log.getsockname()[1], lease.ports, " option log-health-checks\n")
        with (
            socket.create_server(("127.0.0.1", lease.ports[1])) as server,
            Started("-db", "-f", "a.cfg", folder=folder),
        ):
            said = rf"Health check for server b/s1 succeeded, reason: {CHECKED}, status: 3/3 UP.\n"
            assert re.search(said, log.recv(4000).decode())
            server.close()
            said = rf"Health check for server b/s1 failed, reason: {REFUSED}, status: 2/3 UP.\n"
            assert re.search(said, log.recv(4000).decode())


def _configure(folder: Path, log: int, ports: Sequence[int], option: str) -> None:
    (folder / "a.cfg").write_text(
        f"global\n log 127.0.0.1:{log} local0\n{DEFAULTS} log global\n"
        f"frontend web\n bind 127.0.0.1:{ports[0]}\n default_backend b\n"
        f"backend b\n{option} server s1 127.0.0.1:{ports[1]} check inter 100ms\n"
    )
