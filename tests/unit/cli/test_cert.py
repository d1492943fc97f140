"""`tenbin cert`: certificates that are written for their owner alone, and what is shown of those one has."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate
from unit.cli.test_commands import tenbin

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return tenbin("cert", "self-signed", *arguments, folder=folder)


def test_a_certificate_is_for_its_names_and_its_owner(tmp_path: Path) -> None:
    done = make(tmp_path, "localhost", "127.0.0.1", "*.a.example")
    assert (done.returncode, done.stderr) == (0, "")
    assert "wrote localhost.pem" in done.stdout
    assert "PRIVATE KEY" not in done.stdout
    file = tmp_path / "localhost.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = tenbin("cert", "show", "localhost.pem", folder=tmp_path)
    assert shown.returncode == 0
    for text in ("localhost, 127.0.0.1, *.a.example", "itself", "ecdsa P-256", "sha256 ", "1 certificate\n", " left\n"):
        assert text in shown.stdout
    key = file.read_text().split("PRIVATE KEY-----\n")[1].split("\n")[0]
    assert key not in shown.stdout


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    assert make(tmp_path, "a.example", "--out", "certs").returncode == 0
    file = tmp_path / "certs" / "a.example.pem"
    before = file.read_bytes()
    again = make(tmp_path, "a.example", "--out", "certs")
    assert again.returncode == 1
    assert "exists and is left as it is" in again.stderr
    assert file.read_bytes() == before
    assert make(tmp_path, "a.example", "--out", "certs", "--force").returncode == 0
    assert file.read_bytes() != before
    assert [entry.name for entry in file.parent.iterdir()] == ["a.example.pem"]


@pytest.mark.parametrize(
    ("name", "file"), [("*.a.example", "_wildcard.a.example.pem"), ("::1", "__1.pem"), ("../a", "")]
)
def test_names_become_files(tmp_path: Path, name: str, file: str) -> None:
    done = make(tmp_path, name, "--out", "certs")
    assert done.returncode == (0 if file else 1), done
    found = [entry.name for entry in tmp_path.rglob("*.pem")]
    assert found == ([file] if file else [])


def test_show_tells_what_is_wrong(tmp_path: Path) -> None:
    good, other = make_certificate(tmp_path / "good.pem"), make_certificate(tmp_path / "other.pem")
    leaf, _, key = good.read_text().partition("-----BEGIN PRIVATE KEY-----")
    mixed = tmp_path / "mixed.pem"
    mixed.write_text(leaf)
    (tmp_path / "mixed.key").write_text(
        "-----BEGIN PRIVATE KEY-----" + other.read_text().partition("PRIVATE KEY-----")[2]
    )
    done = tenbin("cert", "show", "good.pem", "mixed.pem", "nothing.pem", folder=tmp_path)
    assert done.returncode == 1
    first, second, third = done.stdout.split("\n\n")
    assert "error" not in first
    assert "mixed.key:1: " in second
    assert "nothing.pem\n  error: " in third
    assert key.split("\n")[1] not in done.stdout
    mixed.with_suffix(".key").unlink()
    assert tenbin("cert", "show", "mixed.pem", folder=tmp_path).returncode == 0, "a certificate alone can be shown"
