"""No local port is left for connections to a server: who comes is told so, and served again when one is free.

In a network of its own, whose range of ports is two. There this file is the program.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faults.harness import network
from support.scripted import ScriptedServer
from tenbin.testing import Client, Tenbin, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from support.scripted import Peer

TESTS = Path(__file__).parents[1]
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_without_a_local_port_the_answer_is_503_until_one_is_free() -> None:
    if network.missing():
        pytest.skip(network.missing())
    code = f"import sys; sys.path[:0] = {sys.path!r}; from faults.test_ports import play; play()"
    done = subprocess.run(
        network.command(sys.executable, "-c", code), capture_output=True, text=True, timeout=120, check=False, cwd=TESTS
    )
    assert done.returncode == 0, done.stderr


def play() -> None:
    network.up()
    go = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        go.wait(60)
        peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with ScriptedServer(script) as server, Tenbin(config_text({"only": server.port})) as tenbin:
        first, second, third = (Client(tenbin.address) for _ in range(3))
        RANGE.write_text("40000 40001")
        for client in (first, second):
            client.send(request_bytes("GET", "/"))
        wait_for(lambda: len(server.peers) == 2, 30, "both ports are taken")
        answer = third.get("/")
        assert (answer.status, answer.header("tenbin-reason")) == (503, "out-of-ports")
        assert int(answer.header("retry-after")) >= 1
        go.set()
        assert [client.read_response().status for client in (first, second)] == [200, 200]
        wait_for(lambda: third.get("/").status == 200, 30, "a port is free again")
