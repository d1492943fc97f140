"""What outlives the process."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tenbin.model import Admin, Health, ServerId
from tenbin.state import Overlay
from tenbin.state.persist import StateFile, secret

if TYPE_CHECKING:
    from pathlib import Path

NAME = ServerId("app", "s1")
GONE = ServerId("x", "y")
OVERLAY = Overlay().changed(NAME, weight=0, health=Health.DOWN, reason="gone").changed(GONE, admin=Admin.MAINT)


def test_overrides_come_back_and_findings_do_not(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    StateFile(path).write(OVERLAY)
    restored = StateFile(path).read()
    assert restored.warning == ""
    assert restored.overlay.of(NAME).weight == 0
    assert restored.overlay.of(NAME).health is Health.UNKNOWN
    assert restored.overlay.of(GONE).admin is Admin.MAINT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.json")
    file.write(Overlay().changed(NAME, health=Health.UP))
    assert not (tmp_path / "state.json").exists()
    file.write(OVERLAY)
    (tmp_path / "state.json").unlink()
    file.write(OVERLAY)
    assert not (tmp_path / "state.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 2, "servers": []}',
        '{"format": 1, "servers": [{"backend": "a"}]}',
        '{"format": 1, "servers": [{"backend": "a", "server": "b", "weight": 257}]}',
        '{"format": 1, "servers": [{"backend": "a", "server": "b", "admin": "gone"}]}',
    ],
)
def test_a_damaged_file_is_a_warning(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    restored = StateFile(path).read()
    assert restored.overlay == Overlay()
    assert str(path) in restored.warning
    StateFile(path).write(OVERLAY)
    assert StateFile(path).read().warning == ""


def test_the_secret_stays_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = secret(path)
    assert len(bytes.fromhex(made)) == 32
    assert secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("nonsense")
    assert secret(path) != made
