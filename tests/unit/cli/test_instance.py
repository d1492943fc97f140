"""A whole instance: steered from the command line, killed, attached to, ended."""

from __future__ import annotations

import os
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from tenbin.testing import Client, Tenbin, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = """
frontends:
  web: {listen: "{listen}", routes: [{respond: {status: 200, body: "hello"}}]}
backends:
  app: {servers: {s1: {address: "127.0.0.1:9", weight: 3}, s2: "127.0.0.1:10"}}
threads: 2
log: none
"""


@pytest.fixture
def tenbin() -> Iterator[Tenbin]:
    with Tenbin(TEXT) as running:
        yield running


def restart(tenbin: Tenbin) -> None:
    tenbin.start()


def test_changes_of_servers_survive_reload_and_restart(tenbin: Tenbin) -> None:
    assert "weight 9 (was 3)" in tenbin.run_cli("server", "weight", "app/s1", "9")
    assert "set to drain" in tenbin.run_cli("server", "drain", "app/s2")
    assert "nothing changes" in tenbin.run_cli("server", "drain", "app/s2")
    assert tenbin.reload().returncode == 0
    assert tenbin.stop() == 0
    restart(tenbin)
    assert tenbin.server("app/s1")["weight"] == 9
    assert tenbin.server("app/s1")["file_weight"] == 3
    assert tenbin.server("app/s2")["admin"] == "drain"
    assert "weight 3 → 9" in tenbin.run_cli("status")


def test_unknown_servers_are_told_with_those_there_are(tenbin: Tenbin) -> None:
    done = tenbin.cli("server", "maint", "app/s3")
    assert done.returncode == 1
    assert "no server app/s3" in done.stderr
    assert "s1, s2" in done.stderr


def test_a_second_instance_in_the_directory_is_refused(tenbin: Tenbin) -> None:
    done = tenbin.cli("run", str(tenbin.file))
    assert done.returncode == 1
    assert f"process {tenbin.pid}" in done.stderr
    assert tenbin.get("/").body == b"hello"


def test_the_directory_is_private(tenbin: Tenbin) -> None:
    wait_for((tenbin.runtime_directory / "admin.sock").exists, 5)
    for entry in tenbin.runtime_directory.iterdir():
        assert stat.S_IMODE(entry.stat().st_mode) & 0o077 == 0, entry


def test_a_killed_control_plane_leaves_traffic_and_the_next_attaches(tenbin: Tenbin) -> None:
    dataplane = tenbin.dataplane_pid
    with Client(tenbin.address) as client:
        assert client.get("/").body == b"hello"
        os.kill(tenbin.pid, signal.SIGKILL)
        assert tenbin.process is not None
        tenbin.process.wait()
        assert client.get("/").body == b"hello"
        restart(tenbin)
        assert tenbin.dataplane_pids() == [dataplane]
        assert client.get("/").body == b"hello"
    assert "attached, it serves generation" in tenbin.log()
    # The sockets are back with the control plane: what it starts now is served by the same ones.
    os.kill(dataplane, signal.SIGKILL)
    wait_for(lambda: tenbin.get("/").body == b"hello", 5, "it serves again")


def test_a_bad_file_at_the_restart_does_not_end_traffic(tenbin: Tenbin) -> None:
    os.kill(tenbin.pid, signal.SIGKILL)
    assert tenbin.process is not None
    tenbin.process.wait()
    tenbin.file.write_text("nonsense: 1\n")
    assert tenbin.cli("run", str(tenbin.file)).returncode == 1
    assert tenbin.get("/").body == b"hello"


def test_stop_ends_a_data_plane_without_a_control_plane(tenbin: Tenbin) -> None:
    os.kill(tenbin.pid, signal.SIGKILL)
    assert tenbin.process is not None
    tenbin.process.wait()
    assert "data plane is stopped" in tenbin.run_cli("stop")
    assert tenbin.dataplane_pids() == []


def test_a_killed_data_plane_is_back_with_the_same_sockets_and_counters(tenbin: Tenbin) -> None:
    for _ in range(5):
        tenbin.get("/")
    wait_for(lambda: tenbin.status()["process"]["requests"] >= 5, 5)
    first = tenbin.dataplane_pid
    os.kill(first, signal.SIGKILL)
    assert tenbin.get("/").body == b"hello"
    wait_for(lambda: tenbin.status()["attached"] and tenbin.status()["process"]["pid"] != first, 5)
    wait_for(lambda: tenbin.status()["process"]["requests"] >= 6, 5)


def test_an_upgrade_serves_on_with_a_new_process(tenbin: Tenbin) -> None:
    first = tenbin.dataplane_pid
    with Client(tenbin.address) as client:
        client.get("/")
        assert f"process {first} →" in tenbin.run_cli("upgrade")
        assert client.get("/").body == b"hello"
    assert tenbin.get("/").body == b"hello"
    wait_for(lambda: first not in tenbin.dataplane_pids(), 10, "the old one ends with its work")
    assert len(tenbin.dataplane_pids()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_everything(tenbin: Tenbin, number: signal.Signals) -> None:
    assert tenbin.process is not None
    os.kill(tenbin.pid, number)
    assert tenbin.process.wait() == 0
    assert tenbin.dataplane_pids() == []
    assert {entry.name for entry in tenbin.runtime_directory.iterdir()} <= {"lock", "secret", "state.json"}


def test_a_second_term_does_not_wait_for_work(tenbin: Tenbin) -> None:
    with Client(tenbin.address) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n12")
        wait_for(lambda: tenbin.status()["process"]["connections"] >= 1, 5)
        os.kill(tenbin.pid, signal.SIGTERM)
        wait_for(lambda: "work in progress" in tenbin.log(), 5)
        os.kill(tenbin.pid, signal.SIGTERM)
        assert tenbin.process is not None
        assert tenbin.process.wait(5) == 0


def test_a_busy_admin_port_is_a_warning() -> None:
    with Tenbin(TEXT) as first:
        second = Tenbin(TEXT.replace("log: none", f'log: none\nadmin: "127.0.0.1:{first.admin[1]}"'), ready=False)
        with second:
            wait_for(lambda: second.get("/").body == b"hello", 10, "it serves")
            wait_for(lambda: "the admin API is not there" in second.log(), 10)
            assert "hello" in fetch(second.address, "/").body.decode()
            assert second.cli("status").returncode == 0


def test_a_taken_port_is_told_with_its_place() -> None:
    with Tenbin(TEXT) as first:
        second = Tenbin(TEXT.replace("{listen}", f"127.0.0.1:{first.address[1]}"), ready=False)
        try:
            done = second.cli("run", str(second.file))
            assert done.returncode == 1
            assert f"{second.file}:3:17: cannot listen on 127.0.0.1:{first.address[1]}" in done.stderr
            assert second.dataplane_pids() == []
        finally:
            second.destroy()
