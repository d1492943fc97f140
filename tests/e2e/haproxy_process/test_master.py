"""The master CLI, as scripts use it."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from support.as_haproxy import BEGIN, Started, answering, listening
from support.runtime_api import Api
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def test_processes_are_shown_and_commands_passed_on(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(answering(port))
    master = Api(folder / "master")
    with Started("-W", "-db", "-S", f"{master.path},mode,600", "-f", "a.cfg", folder=folder) as process:
        wait_for(lambda: master("show version"), BEGIN)
        lines = master("show proc").splitlines()
        assert lines[0].split() == ["#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"]
        assert re.match(rf"{process.pid} +master +0 \[failed: 0\] +0d00h00m\d\ds +3\.", lines[1])
        assert lines[2] == "# workers"
        worker = lines[3].split()[0]
        assert int(worker) in process.dataplanes()
        for prefix in ("@1", f"@!{worker}", f"@!{process.pid}"):
            assert f"\nPid: {process.pid}\n" in master(f"{prefix} show info")
        assert "Can't find the target PID" in master("@!1 show info")
        assert "show proc" in master("help")
        talk = master("prompt\n@1\nshow stat\n@master\nshow proc\nquit")
        assert "\nmaster> " in talk
        assert f"\n{process.pid}> # pxname,svname," in talk


def test_a_reload_is_answered(folder: Path, port: int) -> None:
    file = folder / "a.cfg"
    file.write_text(answering(port, "one"))
    master = Api(folder / "master")
    with Started("-W", "-db", "-S", str(master.path), "-f", "a.cfg", folder=folder) as process:
        wait_for(lambda: master("show version"), BEGIN)
        file.write_text(answering(port, "two"))
        assert master("reload").startswith("Success=1\n--\n")
        process.serves(port, "two")
        file.write_text("nonsense\n")
        assert master("reload").startswith("Success=0\n--\n")
        assert "master          2 [failed: 1]" in master("show proc")
        process.serves(port, "two")


def test_it_may_be_on_an_inherited_socket(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(answering(port))
    with listening() as inherited:
        number = inherited.fileno()
        with Started("-W", "-S", f"fd@{number}", "-f", "a.cfg", folder=folder, inherited=[number]) as process:
            process.serves(port)
            with socket.create_connection(inherited.getsockname(), 20) as master:
                master.sendall(b"show proc\n")
                told = b"".join(iter(lambda: master.recv(65_536), b"")).decode()
            assert f"\n{process.pid} " in told
