"""No local port is left for a server's address: the request is told so, and it is not the server that is blamed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from faults.harness import network
from support.servers import Servers
from tenbin.testing import Tenbin, config_text
from tenbin.testing.client import request_bytes

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
PORTS = "60000 60003"
CLIENTS = 8
TESTS = Path(__file__).parents[2]


@pytest.mark.skipif(bool(network.missing()), reason=network.missing() or "-")
def test_without_a_local_port_the_answer_says_so_and_no_server_is_blamed() -> None:
    """In a network of its own, where there are four local ports."""
    paths = os.pathsep.join((str(TESTS), os.environ.get("PYTHONPATH", "")))
    command = network.command(sys.executable, __file__)
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def run_out(folder: Path) -> None:
    """Send more requests at once than there are ports for, each of which is answered after a while."""
    network.up()
    before = RANGE.read_text()
    with Servers(folder) as servers:
        backend = {"pool": "never", "eject": {"after": 2}, "retry": False}
        with Tenbin(config_text({"server1": servers.start("server1")}, backend, threads=1)) as tenbin:
            clients = [tenbin.client() for _ in range(CLIENTS)]
            # Whoever is here has a port already, so that all of these are the server's.
            RANGE.write_text(PORTS)
            for client in clients:
                client.send(request_bytes("POST", "/api/long-operation", (), b'{"duration": 1000}'))
            answers = [client.read_response() for client in clients]
            served = [client for client, answer in zip(clients, answers, strict=True) if answer.status == 200]
            assert 1 <= len(served) <= 4, answers
            refused = [answer for answer in answers if answer.status != 200]
            told = {(answer.status, answer.header("tenbin-reason"), answer.header("retry-after")) for answer in refused}
            assert told == {(503, "out-of-ports", "1")}, answers
            RANGE.write_text(before)
            assert all(client.get("/api/fast").status == 200 for client in clients), "who was refused may stay"
            server = tenbin.server("app/server1")
            assert (server["condition"], server["traffic"]["connect_errors"]) == ("unchecked", 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run_out(Path(name))
