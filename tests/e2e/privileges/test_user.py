"""The data plane gives up root before it reads anything, keeps no privilege, and everything works all the same."""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.strangers import NOBODY, as_root, run_as_nobody
from tenbin.testing import Client, Tenbin, config_text, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.servers import Servers

USER = pwd.getpwuid(NOBODY).pw_name if os.geteuid() == 0 else "nobody"


@pytest.fixture
def logs() -> Iterator[Path]:
    """A directory through which every user gets."""
    with tempfile.TemporaryDirectory(prefix="tenbin-logs-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def status_of(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+):\t?(.*)$", (path / "status").read_text(), re.MULTILINE))


def assert_powerless(pid: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found = status_of(thread)
        assert found["Uid"].split() == found["Gid"].split() == [str(NOBODY)] * 4, found["Name"]
        assert set(found["Groups"].split()) <= {str(NOBODY)}
        assert {int(found[f"Cap{name}"], 16) for name in ("Inh", "Prm", "Eff", "Amb")} == {0}
        assert found["NoNewPrivs"] == "1"
    # The kernel gives the files of a process that must not be looked into to root.
    assert Path(f"/proc/{pid}/environ").stat().st_uid == 0


def low_port() -> int:
    """Return a port that only root may bind."""
    for port in range(1023, 512, -1):
        with suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every low port is taken")


@as_root
def test_the_data_plane_is_nobody_and_a_low_port_is_served(start_tenbin: StartTenbin, trio: Servers) -> None:
    port = low_port()
    frontend = {"listen": ["{listen}", f"127.0.0.1:{port}"]}
    tenbin = start_tenbin(config_text(trio.first(2), frontend=frontend, user=USER, threads=2))
    assert fetch(("127.0.0.1", port), "/api/whoami").status == 200
    assert tenbin.get().status == 200
    assert_powerless(tenbin.dataplane_pid)
    assert status_of(Path(f"/proc/{tenbin.pid}"))["Uid"].split()[0] == "0", "the control plane binds ports"
    assert "stays" not in tenbin.log()


@as_root
def test_it_stays_so_after_a_crash_an_upgrade_and_a_new_control_plane(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), user=USER, group=str(NOBODY)))
    first = tenbin.dataplane_pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: tenbin.dataplane_pids() not in ([], [first]) and tenbin.get().status == 200, 10)
    assert_powerless(tenbin.dataplane_pid)
    tenbin.run_cli("upgrade")
    second = wait_for(lambda: len(tenbin.dataplane_pids()) == 1 and tenbin.dataplane_pids()[0], 10)
    assert tenbin.get().status == 200
    assert_powerless(second)
    os.kill(tenbin.pid, signal.SIGKILL)
    assert tenbin.process is not None
    tenbin.process.wait(5)
    tenbin.start()
    assert tenbin.dataplane_pids() == [second]
    assert tenbin.get().status == 200
    assert tenbin.stop() == 0
    assert not tenbin.dataplane_pids()


@as_root
def test_a_new_user_holds_with_an_upgrade_and_until_then_that_is_told(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    assert tenbin.reload(config_text(trio.first(1), user=USER)).returncode == 0
    wait_for(lambda: f"runs as user 0 until the next `tenbin upgrade`; the file says {NOBODY}" in tenbin.log(), 5)
    with Client(tenbin.address) as client:
        assert client.get("/api/fast").status == 200
        tenbin.run_cli("upgrade")
        assert client.get("/api/fast").status == 200
    pid = wait_for(lambda: len(tenbin.dataplane_pids()) == 1 and tenbin.dataplane_pids()[0], 10)
    assert_powerless(pid)


@as_root
def test_its_access_log_is_written_and_rotated(start_tenbin: StartTenbin, trio: Servers, logs: Path) -> None:
    log = logs / "access.log"
    log.touch()
    os.chown(log, NOBODY, NOBODY)
    log.chmod(0o600)
    tenbin = start_tenbin(config_text(trio.first(1), user=USER, log=str(log)))
    assert tenbin.get("/api/fast").status == 200
    wait_for(lambda: "/api/fast" in log.read_text(), 5)
    log.rename(logs / "access.log.1")
    log.touch()
    os.chown(log, NOBODY, NOBODY)
    assert tenbin.reload().returncode == 0
    assert tenbin.get("/api/slow").status == 200
    wait_for(lambda: "/api/slow" in log.read_text(), 5)


@as_root
def test_an_access_log_that_it_may_not_write_is_told_with_its_place(trio: Servers, logs: Path) -> None:
    log = logs / "access.log"
    with (
        pytest.raises(RuntimeError, match="may not write") as raised,
        Tenbin(config_text(trio.first(1), user=USER, log=str(log))),
    ):
        pass
    assert re.search(rf"tenbin\.yaml:\d+:\d+: error: the user {USER}, as whom the data plane runs", str(raised.value))
    assert f"chown {USER} {log}" in str(raised.value)


@as_root
def test_only_root_makes_it_somebody_else() -> None:
    code = """
import tenbin.supervisor.source as source
from tenbin.errors import ConfigError
from tenbin.model import Identity
---
source.check_user(Identity("own", 65534, 65534, (), "tenbin.yaml:3:7"))
try:
    source.check_user(Identity("www", 33, 33, (), "tenbin.yaml:3:7"))
except ConfigError as error:
    print(error.message, error.hint)
"""
    done = run_as_nobody(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tenbin.yaml:3:7: error: only root may run the data plane as user www")
    assert "start Tenbin as root" in done.stdout


def test_even_as_whoever_started_it_no_privilege_can_be_gained(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    process = Path(f"/proc/{tenbin.dataplane_pid}")
    assert {status_of(thread)["NoNewPrivs"] for thread in (process / "task").iterdir()} == {"1"}
