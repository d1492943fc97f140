"""Who may steer the balancer: its owner and root, and nobody else, whatever modes somebody set by mistake."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.bare import BareDataplane, binary
from support.strangers import NOBODY, as_root, run_as_nobody
from tenbin.testing import Tenbin, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.servers import Servers

VISIT = """
import socket, sys
---
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
try:
    s.sendall(bytes.fromhex(sys.argv[2]))
    print("answered" if s.recv(100) else "closed")
except ConnectionError:
    print("closed")
"""
BODY = b'{"type": "get_stats", "id": 1}'
FRAME = len(BODY).to_bytes(4, "big") + BODY
REQUEST = (
    b"POST /api/v1/stop HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tenbin-door-") as folder:
        yield Path(folder)


def refused(place: Path) -> str:
    """Start a data plane there, which must not come up, and return what it said."""
    done = subprocess.run((binary(), "--control", place / "s"), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1, done
    assert not (place / "s").exists()
    return done.stderr


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770, 0o720, 0o702])
def test_a_data_plane_opens_no_socket_where_others_can_write(place: Path, mode: int) -> None:
    place.chmod(mode)
    said = refused(place)
    assert f"can be written by others than its owner (mode {mode:04o}): chmod 700" in said
    assert str(place) in said


@as_root
def test_a_data_plane_opens_no_socket_in_somebody_elses_directory(place: Path) -> None:
    os.chown(place, NOBODY, NOBODY)
    assert f"belongs to another user ({NOBODY})" in refused(place)


@as_root
def test_a_stranger_who_got_to_the_socket_is_not_listened_to() -> None:
    with BareDataplane() as plane:
        plane.folder.chmod(0o755)
        plane.path.chmod(0o666)
        done = run_as_nobody(VISIT, str(plane.path), FRAME.hex())
        assert done.stdout.strip() == "closed", done
        assert plane.ask("get_stats")["ok"], "its control plane is not disturbed"


@as_root
def test_a_stranger_who_got_to_the_admin_socket_changes_nothing(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    admin = tenbin.runtime_directory / "admin.sock"
    wait_for(admin.exists, 5)
    for folder in (tenbin.folder, tenbin.runtime_directory):
        folder.chmod(0o755)
    admin.chmod(0o666)
    assert run_as_nobody(VISIT, str(admin), REQUEST.hex()).stdout.strip() == "closed"
    assert tenbin.get().status == 200
    assert "generation" in tenbin.run_cli("status", "--json")


def test_sockets_and_files_are_private_whatever_the_umask(trio: Servers) -> None:
    before = os.umask(0)
    try:
        with Tenbin(config_text(trio.first(1), {"sticky": {"cookie": "C"}})) as tenbin:
            os.umask(before)
            tenbin.run_cli("server", "drain", "app/server1")
            wait_for((tenbin.runtime_directory / "admin.sock").exists, 5)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tenbin.runtime_directory.iterdir()}
    finally:
        os.umask(before)
    assert {"admin.sock", "dataplane.sock", "secret", "state.json", "lock"} <= set(modes)
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_runtime_directory_that_others_can_write_is_refused(place: Path, mode: int) -> None:
    place.chmod(mode)
    said = start_refused(place)
    assert f"the runtime directory {place} can be written by others than its owner (mode {mode:04o})" in said
    assert f"chmod 700 {place}" in said


@as_root
def test_a_socket_that_somebody_else_put_there_is_not_attached_to(place: Path) -> None:
    path = place / "dataplane.sock"
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(path))
        planted.listen()
        os.chown(path, NOBODY, NOBODY)
        assert f"the control socket {path} belongs to another user ({NOBODY})" in start_refused(place)
        os.chown(path, 0, 0)
        path.chmod(0o666)
        assert f"the control socket {path} can be written by others than its owner (mode 0666)" in start_refused(place)
        assert path.exists()


def start_refused(directory: Path) -> str:
    """Start Tenbin with this runtime directory, which must not come up, and return what it said."""
    tenbin = Tenbin('listen: "{listen}"\nbackends: ["127.0.0.1:1"]\n')
    try:
        done = tenbin.cli("run", "--runtime-dir", str(directory), str(tenbin.file))
    finally:
        tenbin.destroy()
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr
