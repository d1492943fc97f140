"""Commands that need no running instance, and what they say when there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tenbin import __version__

if TYPE_CHECKING:
    from pathlib import Path

GOOD = 'listen: "127.0.0.1:8080"\nbackends: ["127.0.0.1:3001", "127.0.0.1:3002"]\n'


def tenbin(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TENBIN_RUNTIME_DIR": str(folder / "run")}
    return subprocess.run(
        [sys.executable, "-m", "tenbin", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "tenbin.yaml").write_text(GOOD)
    return tmp_path


def test_version_and_help(tmp_path: Path) -> None:
    assert tenbin("--version", folder=tmp_path).stdout == f"tenbin {__version__}\n"
    shown = tenbin("-h", folder=tmp_path)
    assert shown.returncode == 0
    for command in ("run", "proxy", "check", "status", "reload", "stop", "server", "demo"):
        assert f"\n  {command} " in shown.stdout


def test_check_counts_and_loads_only_what_it_needs(good: Path) -> None:
    done = tenbin("check", "tenbin.yaml", folder=good)
    assert (done.returncode, done.stdout) == (0, "tenbin.yaml can be used: 1 frontend, 1 backend, 2 servers\n")
    call = "tenbin.cli.tenbin(['check', 'tenbin.yaml'], standalone_mode=False)"
    code = f"import sys, tenbin.cli; {call}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=good, capture_output=True, text=True, check=True)
    assert not {"fastapi", "uvicorn", "structlog", "tenbin.supervisor"} & set(run.stdout.split())


def test_check_tells_all_problems(good: Path) -> None:
    (good / "bad.yaml").write_text('listen: "nowhere"\nbackends: ["127.0.0.1:99999"]\nlisten_to: 1\n')
    done = tenbin("check", "bad.yaml", folder=good)
    assert done.returncode == 1
    for line in (1, 2, 3):
        assert f"bad.yaml:{line}:" in done.stderr
    assert done.stdout == ""
    refused = tenbin("run", "bad.yaml", folder=good)
    assert refused.returncode == 1
    assert "bad.yaml:3:" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_compile_prints_the_snapshot_without_the_secret(good: Path) -> None:
    done = tenbin("compile", "tenbin.yaml", folder=good)
    snapshot = json.loads(done.stdout)
    assert snapshot["secret"] == "0" * 64
    assert [server["address"] for server in snapshot["backends"][0]["servers"]] == ["127.0.0.1:3001", "127.0.0.1:3002"]


def test_init_writes_a_file_that_can_be_used_and_overwrites_none(tmp_path: Path) -> None:
    assert tenbin("init", folder=tmp_path).returncode == 0
    assert tenbin("check", "tenbin.yaml", folder=tmp_path).returncode == 0
    (tmp_path / "tenbin.yaml").write_text("mine")
    refused = tenbin("init", folder=tmp_path)
    assert (refused.returncode, (tmp_path / "tenbin.yaml").read_text()) == (1, "mine")
    assert "exists" in refused.stderr


def test_schema_is_json(tmp_path: Path) -> None:
    assert "properties" in json.loads(tenbin("schema", folder=tmp_path).stdout)


@pytest.mark.parametrize(
    "command", [("status",), ("reload",), ("stop",), ("upgrade",), ("server", "drain", "app/s1")], ids=" ".join
)
def test_without_an_instance_the_hint_says_how_to_start_one(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = tenbin(*command, folder=tmp_path)
    assert done.returncode == 1
    assert f"no Tenbin runs in {tmp_path / 'run'}" in done.stderr
    assert "tenbin run FILE" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",),
        ("run",),
        ("server", "weight", "app/s1", "257"),
        ("server", "drain", "app"),
        ("proxy", "--to", "x"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = tenbin(*command, folder=tmp_path)
    assert done.returncode == 2
    assert "Usage" in done.stderr


def test_a_file_instead_of_a_command_is_understood(good: Path) -> None:
    done = tenbin("tenbin.yaml", folder=good)
    assert done.returncode == 2
    assert "did you mean `tenbin run tenbin.yaml`" in done.stderr
