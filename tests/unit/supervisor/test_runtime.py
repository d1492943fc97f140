"""The runtime directory: private, and one control plane's at a time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tenbin.errors import AlreadyRunningError, TenbinError
from tenbin.supervisor.runtime import RuntimeDirectory, choose


def test_it_is_made_private(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    for path in (tmp_path / "deep" / "new", loose):
        RuntimeDirectory(path).prepare()
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_second_control_plane_is_refused_with_the_pid(tmp_path: Path) -> None:
    directory = RuntimeDirectory(tmp_path)
    lock = directory.lock()
    assert directory.owner() == os.getpid()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        directory.lock()
    lock.release()
    assert directory.owner() is None
    directory.lock().release()


def test_a_path_too_long_for_sockets_is_told(tmp_path: Path) -> None:
    with pytest.raises(TenbinError, match="too long"):
        RuntimeDirectory(tmp_path / ("x" * 120)).prepare()


def test_a_path_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TenbinError, match="cannot be made"):
        RuntimeDirectory(tmp_path / "file" / "run").prepare()


def test_the_order_of_places(tmp_path: Path) -> None:
    environment = {"TENBIN_RUNTIME_DIR": "/variable", "XDG_RUNTIME_DIR": "/session"}
    assert choose(tmp_path, environment).path == tmp_path
    assert choose(None, environment).path == Path("/variable")
