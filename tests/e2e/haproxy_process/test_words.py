"""The command line: what it prints, and with which exit code it ends."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from support.as_haproxy import DEFAULTS, answering, run
from tenbin.testing.processes import processes_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("condition", "code"),
    [("version_atleast(2.4)", 0), ("version_before(2.4)", 1), ("!streq(a,b) && defined(HOME)", 0), ("nothing(", 2)],
)
def test_a_condition_is_an_exit_code(condition: str, code: int, folder: Path) -> None:
    assert run("-cc", condition, folder=folder).returncode == code


def test_a_file_that_can_be_used_is_valid_under_v(folder: Path) -> None:
    (folder / "good.cfg").write_text(answering(1))
    assert run("-c", "-f", "good.cfg", folder=folder).stdout == ""
    checked = run("-c", "-V", "-f", "good.cfg", folder=folder)
    assert (checked.returncode, checked.stdout) == (0, "Configuration file is valid\n")
    older = run("-c", "--", "good.cfg", folder=folder, env={"TENBIN_COMPAT": "2.6"})
    assert (older.returncode, older.stdout) == (0, "Configuration file is valid\n")


def test_several_files_and_a_folder_are_one_configuration(folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "20-front.cfg").write_text("frontend web\n bind 127.0.0.1:1\n default_backend b\n")
    (folder / "parts" / "10-back.cfg").write_text("backend b\n server s 127.0.0.1:2\n")
    (folder / "defaults.cfg").write_text(DEFAULTS)
    done = run("-c", "-V", "-f", "defaults.cfg", "-f", "parts", folder=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Configuration file is valid\n", "")


def test_an_unknown_keyword_is_told_with_its_place(folder: Path) -> None:
    (folder / "bad.cfg").write_text("backend b\n foo bar\n")
    done = run("-c", "-f", "bad.cfg", folder=folder)
    assert done.returncode == 1
    alerts = [line for line in done.stderr.splitlines() if line.startswith("[ALERT]")]
    assert re.match(
        r"\[ALERT\]    \(\d+\) : config : parsing \[bad.cfg:2\] : unknown keyword 'foo' in 'backend' section", alerts[0]
    )
    assert alerts[1].endswith(" : config : Error(s) found in configuration file : bad.cfg")
    assert alerts[2].endswith(" : config : Fatal errors found in configuration.")
    assert run("-c", "-q", "-f", "bad.cfg", folder=folder).stderr == ""


def test_what_is_not_there_is_told(folder: Path) -> None:
    missing = run("-c", "-f", "missing.cfg", folder=folder)
    assert missing.returncode == 1
    assert "Cannot open configuration file/directory missing.cfg : No such file or directory" in missing.stderr
    nowhere = run("-c", "-C", str(folder / "nowhere"), "-f", "x.cfg", folder=folder)
    assert nowhere.returncode == 1
    assert f"Could not change to directory {folder / 'nowhere'} : No such file or directory" in nowhere.stderr


def test_warnings_end_it_where_they_must(folder: Path) -> None:
    (folder / "doubtful.cfg").write_text("frontend web\n mode http\n bind 127.0.0.1:1\n")
    assert run("-c", "-f", "doubtful.cfg", folder=folder).returncode == 0
    done = run("-c", "-dW", "-f", "doubtful.cfg", folder=folder)
    assert done.returncode == 1
    assert "config : Some warnings were found and 'zero-warning' is set. Aborting." in done.stderr


def test_without_a_listener_there_is_nothing_to_start(folder: Path) -> None:
    (folder / "none.cfg").write_text("backend b\n server s 127.0.0.1:1\n")
    assert run("-c", "-f", "none.cfg", folder=folder).returncode == 2
    done = run("-f", "none.cfg", folder=folder)
    assert done.returncode == 1
    assert "No enabled listener found (check for 'bind' directives) ! Exiting." in done.stderr


def test_a_stats_socket_alone_is_something_to_start(folder: Path) -> None:
    (folder / "socket.cfg").write_text(f"global\n stats socket {folder}/s.sock\nbackend b\n server s 127.0.0.1:1\n")
    done = run("-c", "-V", "-f", "socket.cfg", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "Configuration file is valid" in done.stdout


def test_versions_are_haproxys_and_ours(folder: Path) -> None:
    short, long = run("-v", folder=folder), run("-vv", folder=folder, env={"TENBIN_COMPAT": "2.6"})
    assert (short.returncode, long.returncode) == (0, 0)
    assert short.stdout.startswith("HAProxy version 3.")
    assert long.stdout.startswith("HAProxy version 2.6.0-tenbin")
    assert "Feature list : " in long.stdout


def test_words_without_sense_are_answered_with_the_usage(folder: Path) -> None:
    done = run("-z", folder=folder)
    assert done.returncode == 1
    assert "Usage : " in done.stderr


def test_a_port_that_is_taken_is_told_and_nothing_stays(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (folder / "busy.cfg").write_text(answering(port))
        done = run("-f", "busy.cfg", folder=folder)
    assert done.returncode == 1
    failed = f"cannot bind socket (Address already in use) for [127.0.0.1:{port}]"
    assert f"Binding [busy.cfg:7] for frontend web: {failed}" in done.stderr
    assert "Some protocols failed to start their listeners! Exiting." in done.stderr
    assert processes_of(folder, "tenbin-dataplane") == []
    assert list(folder.glob("tenbin-haproxy-*")) == []
