"""From the first request to the end: signals, exit codes, what is left, who is told."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from support.as_haproxy import END, Started, answering, listening, run
from support.runtime_api import Api
from tenbin.testing.client import fetch
from tenbin.testing.processes import is_running
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        ((), signal.SIGTERM, 0),
        ((), signal.SIGINT, 0),
        ((), signal.SIGUSR1, 0),
        (("-W",), signal.SIGTERM, 0),
        (("-W",), signal.SIGINT, 130),
    ],
)
def test_a_signal_ends_it_and_nothing_is_left(
    words: tuple[str, ...], number: signal.Signals, code: int, folder: Path, port: int
) -> None:
    (folder / "a.cfg").write_text(answering(port))
    with Started(*words, "-db", "-f", "a.cfg", folder=folder) as process:
        process.serves(port)
        assert len(process.dataplanes()) == 1
        assert process.ends_by(number) == code
        assert process.dataplanes() == []
        assert list(folder.glob("tenbin-haproxy-*")) == []


def test_killed_it_takes_its_data_plane_with_it(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(answering(port))
    with Started("-db", "-f", "a.cfg", folder=folder) as process:
        process.serves(port)
        process.ends_by(signal.SIGKILL)
        wait_for(lambda: not process.dataplanes(), END, "the data plane is gone")


def test_a_reload_changes_what_is_served_and_a_bad_file_changes_nothing(folder: Path, port: int) -> None:
    file = folder / "a.cfg"
    file.write_text(answering(port, "one"))
    with Started("-W", "-db", "-f", "a.cfg", folder=folder) as process:
        process.serves(port, "one")
        process.says("Loading success.")
        file.write_text(answering(port, "two"))
        process.signal(signal.SIGUSR2)
        process.serves(port, "two")
        file.write_text(f"{answering(port)} nonsense\n")
        process.signal(signal.SIGHUP)
        process.says("unknown keyword 'nonsense' in 'frontend' section")
        process.says("Loading failure!")
        assert fetch(("127.0.0.1", port), "/").body == b"two"


def test_without_a_master_reloads_mean_nothing(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(answering(port))
    with Started("-db", "-f", "a.cfg", folder=folder) as process:
        process.serves(port)
        process.signal(signal.SIGUSR2)
        process.signal(signal.SIGHUP)
        assert fetch(("127.0.0.1", port), "/").status == 200
        assert process.ends_by(signal.SIGTERM) == 0


def test_in_the_background_it_serves_when_the_command_returns(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(answering(port))
    done = run("-D", "-p", "pid", "-f", "a.cfg", folder=folder)
    pid = int((folder / "pid").read_text())
    try:
        assert (done.returncode, done.stderr) == (0, "")
        assert fetch(("127.0.0.1", port), "/").body == b"here"
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_running(pid), END, "it ends")
    assert not (folder / "pid").exists()


def test_the_service_manager_hears_that_it_is_ready(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(answering(port))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(30)
        env = {"NOTIFY_SOCKET": str(folder / "notify")}
        with Started("-Ws", "-p", "pid", "-f", "a.cfg", folder=folder, env=env) as process:
            told = manager.recv(1000).decode().splitlines()
            assert told[:2] == ["READY=1", f"MAINPID={process.pid}"]
            assert (folder / "pid").read_text() == f"{process.pid}\n"
            assert fetch(("127.0.0.1", port), "/").body == b"here"


def test_listeners_may_be_open_already(folder: Path) -> None:
    with listening() as first, listening() as second, listening() as api:
        port, other = (one.getsockname()[1] for one in (first, second))
        text = answering(port).replace(
            f" bind 127.0.0.1:{port}\n", f' bind fd@{first.fileno()}\n bind "fd@${{more}}"\n'
        )
        (folder / "a.cfg").write_text(f"global\n stats socket fd@{api.fileno()} level admin\n{text}")
        numbers = (first.fileno(), second.fileno(), api.fileno())
        env = {"more": str(second.fileno())}
        with Started("-db", "-f", "a.cfg", folder=folder, env=env, inherited=numbers) as process:
            process.serves(port).serves(other)
            with socket.create_connection(api.getsockname(), 20) as runtime:
                runtime.sendall(b"show info\n")
                told = b"".join(iter(lambda: runtime.recv(65_536), b"")).decode()
            assert f"\nPid: {process.pid}\n" in told


def test_limits_on_the_command_line_hold(folder: Path, port: int) -> None:
    own = "frontend own\n maxconn 7\n bind unix@own.sock\n http-request return status 200\n"
    (folder / "a.cfg").write_text(f"global\n maxconn 9\n stats socket unix@api.sock\n{answering(port)}{own}")
    with Started("-db", "-n", "55", "-N", "11", "-m", "700", "-f", "a.cfg", folder=folder) as process:
        process.serves(port)
        api = Api(folder / "api.sock")
        told = wait_for(lambda: api("show info"), END, "the runtime API is there")
        info = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
        assert [info[name] for name in ("Maxconn", "Memmax_MB")] == ["55", "700"]
        rows = api.stat()
        assert [rows[name, "FRONTEND"]["slim"] for name in ("web", "own")] == ["11", "7"]


def test_lines_of_logs_have_the_id_of_the_process_that_was_started(folder: Path, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(20)
        target = f"global\n log 127.0.0.1:{server.getsockname()[1]} local0\n"
        (folder / "a.cfg").write_text(f"{target}{answering(port)} log global\n option httplog\n")
        with Started("-db", "-f", "a.cfg", folder=folder) as process:
            process.serves(port)
            assert f" haproxy[{process.pid}]: 127.0.0.1:" in server.recv(2000).decode()


def test_what_is_started_for_a_configuration_finds_the_variables(folder: Path, port: int) -> None:
    text = answering(port).replace(
        "string here", '"string" "${HAPROXY_LOCALPEER}:${HAPROXY_MWORKER}:${HAPROXY_CFGFILES}"'
    )
    (folder / "a.cfg").write_text(text)
    with Started("-W", "-L", "me", "-f", "a.cfg", folder=folder) as process:
        process.serves(port, "me:1:a.cfg")
