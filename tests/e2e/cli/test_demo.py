"""`tenbin demo`: the tour ends well, and leaves nothing behind however it ends."""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tenbin.testing import Lease, Process, fetch, lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    with Lease(2) as own:
        yield (own.ports[0], own.ports[1])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, for there are sockets in it."""
    with tempfile.TemporaryDirectory(prefix="td-") as name:
        yield Path(name)


def demo(folder: Path, ports: tuple[int, int], *options: str) -> Process:
    """Start the demo with its temporary folder in this one."""
    command = (sys.executable, "-m", "tenbin", "demo", "--port", str(ports[0]), "--admin", str(ports[1]), *options)
    (folder / "tmp").mkdir()
    return Process("demo", command, folder, {"TMPDIR": str(folder / "tmp")})


def nothing_left(folder: Path) -> bool:
    """Whether no process and no file of the demo is left."""
    if list((folder / "tmp").iterdir()):
        return False
    commands = [entry.read_bytes() for entry in Path("/proc").glob("[0-9]*/cmdline") if entry.exists()]
    return not any(str(folder / "tmp").encode() in command for command in commands)


@pytest.mark.slow
def test_the_tour(folder: Path, ports: tuple[int, int]) -> None:
    with demo(folder, ports) as process:
        code = process.wait(60)
        output = process.output()
    assert code == 0, output
    for text in ("server1", "server2", "server3", "DOWN", "L4CON", "0 failed", "Try next"):
        assert text in output, output
    assert "✗" not in output
    assert "\x1b[" not in output, "no colours without a terminal"
    wait_for(lambda: nothing_left(folder), 5)


@pytest.mark.slow
def test_the_tour_over_https(folder: Path) -> None:
    with Lease(3) as own:
        http, admin, https = own.ports
        with demo(folder, (http, admin), "--tls", "--tls-port", str(https)) as process:
            code = process.wait(60)
            output = process.output()
    assert code == 0, output
    for text in (f"https://localhost:{https}", "plain HTTP is sent to HTTPS", "0 failed", "curl -i -k https://"):
        assert text in output, output
    assert "✗" not in output
    wait_for(lambda: nothing_left(folder), 5)


@pytest.mark.slow
def test_keep_runs_until_ctrl_c(folder: Path, ports: tuple[int, int]) -> None:
    with demo(folder, ports, "--keep") as process:
        wait_for(lambda: "keeps running" in process.output(), 60, process.output)
        assert fetch(("127.0.0.1", ports[0]), "/api/whoami").status == 200
        assert fetch(("127.0.0.1", ports[1]), "/readyz").status == 200
        process.signal(signal.SIGINT)
        assert process.wait(5) == 0
    wait_for(lambda: nothing_left(folder), 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_tour_leaves_nothing(folder: Path, ports: tuple[int, int], number: int) -> None:
    with demo(folder, ports) as process:
        wait_for(lambda: "in turn" in process.output(), 30, process.output)
        process.signal(number)
        process.wait(6)
        assert "Traceback" not in process.output()
    wait_for(lambda: nothing_left(folder), 5)


def test_a_busy_port_is_named(folder: Path) -> None:
    with (
        lease(2) as own,
        socket.create_server(("127.0.0.1", own.ports[0])),
        demo(folder, (own.ports[0], own.ports[1])) as process,
    ):
        assert process.wait(20) == 1
        assert f"port {own.ports[0]}" in process.output()
        assert "--port" in process.output()
    assert nothing_left(folder)
