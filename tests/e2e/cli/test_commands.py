"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from tenbin.testing import Process, config_text, fetch, lease, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

GOOD = """\
listen: "127.0.0.1:18080"
backends: ["127.0.0.1:3001", "127.0.0.1:3002"]
"""
BAD = """\
listen: "127.0.0.1:18080"
backendz: ["127.0.0.1:3001"]
timeouts: {connect: 5}
"""


def run(*arguments: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "tenbin", *arguments)
    home = {"TENBIN_RUNTIME_DIR": str(folder / "run"), **env}
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **home}, capture_output=True, text=True, timeout=30, check=False
    )


def test_check_says_ok_or_every_problem_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(GOOD)
    done = run("check", str(file), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    file.write_text(BAD)
    done = run("check", str(file), folder=tmp_path)
    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert "t.yaml:2:1" in text
    assert "t.yaml:3:" in text
    assert "backends" in text
    assert "5s" in text
    assert "^" in text


@pytest.mark.parametrize("arguments", [("nonsense",), ("run",), ("server", "drain"), ("run", "--no-such-option", "x")])
def test_usage_errors_end_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "Usage" in done.stderr or "usage" in done.stderr


@pytest.mark.parametrize("command", [("status",), ("reload",), ("stop",), ("server", "drain", "a/b")])
def test_without_a_running_tenbin_it_is_said_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_help_and_version(tmp_path: Path) -> None:
    for command in ("run", "check", "reload", "stop", "status", "server", "proxy", "init", "demo", "backend", "schema"):
        done = run(command, "--help", folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "0.1.0" in run("--version", folder=tmp_path).stdout


def test_init_writes_a_file_that_is_good(tmp_path: Path) -> None:
    assert run("init", folder=tmp_path).returncode == 0
    files = list(tmp_path.glob("*.yaml"))
    assert len(files) == 1
    assert "#" in files[0].read_text()
    assert run("check", str(files[0]), folder=tmp_path).returncode == 0
    again = run("init", folder=tmp_path)
    assert again.returncode == 1, "an existing file is not overwritten"


def test_schema_is_json_schema(tmp_path: Path) -> None:
    schema = json.loads(run("schema", folder=tmp_path).stdout)
    assert "$schema" in schema
    assert "frontends" in json.dumps(schema)


def test_compile_prints_the_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(GOOD)
    done = run("compile", str(file), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["listeners"][0]["address"] == "127.0.0.1:18080"
    assert [server["address"] for server in value["backends"][0]["servers"]] == ["127.0.0.1:3001", "127.0.0.1:3002"]


def test_status_as_a_table_and_as_json(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.ports))
    tenbin.get()
    table = tenbin.run_cli("status")
    for name in ("web", "app", "server1", "server2", "server3"):
        assert name in table
    value = json.loads(tenbin.run_cli("status", "--json"))
    assert value["generation"] == tenbin.status()["generation"]
    assert [server["name"] for server in value["backends"][0]["servers"]] == ["server1", "server2", "server3"]


def test_server_commands(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    for arguments, field, value in (
        (("drain", "app/server1"), "admin", "drain"),
        (("maint", "app/server1"), "admin", "maint"),
        (("ready", "app/server1"), "admin", "ready"),
        (("weight", "app/server1", "42"), "weight", 42),
    ):
        assert "server1" in tenbin.run_cli("server", *arguments)
        assert tenbin.server("app/server1")[field] == value


def test_two_instances_live_side_by_side(start_tenbin: StartTenbin, trio: Servers) -> None:
    first = start_tenbin(config_text({"a": trio.port("server1")}))
    second = start_tenbin(config_text({"b": trio.port("server2")}))
    assert (first.get().server, second.get().server) == ("server1", "server2")
    assert first.status()["backends"][0]["servers"][0]["name"] == "a"
    assert first.run_cli("stop") is not None
    assert second.get().status == 200


def test_a_second_instance_on_the_same_directory_is_refused(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    done = tenbin.cli("run", str(tenbin.file))
    assert done.returncode == 1
    assert "already" in (done.stdout + done.stderr).lower()
    assert tenbin.get().status == 200


def test_a_busy_port_is_named_with_its_place(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    tenbin: Tenbin = start_tenbin(config_text(trio.first(1)))
    file = tmp_path / "t.yaml"
    file.write_text(f'listen: "127.0.0.1:{tenbin.address[1]}"\nbackends: ["127.0.0.1:1"]\nadmin: null\n')
    done = run("run", str(file), folder=tmp_path)
    text = done.stdout + done.stderr
    assert done.returncode == 1
    assert str(tenbin.address[1]) in text
    assert "t.yaml:1:" in text


def test_backend_command(tmp_path: Path) -> None:
    with lease() as own:
        command = (sys.executable, "-m", "tenbin", "backend", "--name", "solo", "--port", str(own.ports[0]))
        with Process("backend", command, tmp_path) as process:
            process.wait_ready(lambda: fetch(("127.0.0.1", own.ports[0]), "/health").status == 200)
            assert fetch(("127.0.0.1", own.ports[0]), "/api/whoami").json()["server"] == "solo"
            assert process.terminate(5) == 0


def test_environment_variables_are_filled_in(start_tenbin: StartTenbin, trio: Servers) -> None:
    text = yaml.safe_dump(
        {"listen": "{listen}", "backends": ["127.0.0.1:${TENBIN_TEST_UNSET:-" + str(trio.port("server3")) + "}"]}
    )
    assert start_tenbin(text).get().server == "server3"


def test_the_log_names_address_and_next_step(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    wait_for(lambda: str(tenbin.address[1]) in tenbin.log(), 5)
