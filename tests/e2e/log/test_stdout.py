"""The log on stdout: a terminal, a pipe, a pipe that nobody reads."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Self

import pytest

from tenbin.testing import Load, RunningLoad, config_text, fetch, lease, wait_for
from tenbin.testing.processes import kill_all, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from support.servers import Servers

F_SETPIPE_SZ = 1031
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Speaking:
    """`tenbin run` with stdout at a descriptor of the test's."""

    def __init__(self, folder: Path, config: str, stdout: int) -> None:
        self.folder, self.run = folder, folder / "run"
        self._lease = lease(2)
        self.address, self.admin = (("127.0.0.1", port) for port in self._lease.ports)
        self.file = folder / "tenbin.yaml"
        text = config.replace("{listen}", f"127.0.0.1:{self.address[1]}")
        self.file.write_text(text + f'admin: "127.0.0.1:{self.admin[1]}"\n')
        self.env = {**os.environ, "TENBIN_RUNTIME_DIR": str(self.run), "TERM": "xterm"}
        self.process = subprocess.Popen(
            (sys.executable, "-m", "tenbin", "run", str(self.file)),
            stdout=stdout,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=self.env,
            start_new_session=True,
        )
        os.close(stdout)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "tenbin", *arguments)
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=20, check=False)

    def __enter__(self) -> Self:
        wait_for(lambda: fetch(self.admin, "/readyz").status == 200, 15, "it is ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(10)
        kill_all(processes_of(self.run, "tenbin"))
        self._lease.release()


class Reader:
    """The other end, read without waiting; `text` is all that came."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._data = b""

    def text(self) -> str:
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self._descriptor, 65536):
                self._data += data
        return self._data.decode(errors="replace")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    yield reader, writer
    with contextlib.suppress(OSError):
        os.close(reader)


def test_a_terminal_gets_lines_for_people(trio: Servers, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (50, 200))
    with Speaking(tmp_path, config_text(trio.first(1)), theirs) as tenbin:
        reader = Reader(ours)
        assert fetch(tenbin.address, "/bytes?n=79").status == 200
        wait_for(lambda: "/bytes?n=79" in reader.text(), 5, reader.text)
        line = next(line for line in reader.text().splitlines() if "/bytes?n=79" in line)
        assert not line.startswith("{")
        assert "200" in COLOUR.sub("", line).split()
        assert not any(line.startswith("{") for line in reader.text().splitlines())
    os.close(ours)


@pytest.mark.parametrize("form", ["human", "json"])
def test_a_pipe_gets_the_form_that_is_asked_for(
    trio: Servers, tmp_path: Path, pipe: tuple[int, int], form: str
) -> None:
    text = config_text(trio.first(1), log={"access": "stdout", "format": form})
    with Speaking(tmp_path, text, pipe[1]) as tenbin:
        reader = Reader(pipe[0])
        fetch(tenbin.address, "/bytes?n=80")
        wait_for(lambda: "/bytes?n=80" in reader.text(), 5, reader.text)
        line = next(line for line in reader.text().splitlines() if "/bytes?n=80" in line)
        assert (json.loads(line)["status"] == 200) if form == "json" else (not line.startswith("{"))


def test_a_pipe_that_nobody_reads_costs_nothing(trio: Servers, tmp_path: Path, pipe: tuple[int, int]) -> None:
    """Not a request, not a reload, not a change, not the end."""
    text = config_text(trio.first(2))
    with Speaking(tmp_path, text, pipe[1]) as tenbin:
        with RunningLoad(tenbin.address, Load(rps=200, duration=20, target="/api/fast?" + "x" * 2000)) as run:
            wait_for(lambda: run.done > 150, 10, "the pipe is full")
            assert tenbin.cli("server", "drain", "app/server1").returncode == 0
            assert tenbin.cli("reload").returncode == 0
            assert fetch(tenbin.admin, "/readyz").status == 200
            done = run.done
            wait_for(lambda: run.done > done + 100, 10)
            summary = run.stop()
        assert not summary.failed, summary.describe()
        assert summary.longest_gap() < 5, summary.describe()
        assert tenbin.cli("stop").returncode == 0
        assert tenbin.process.wait(10) == 0


def test_a_pipe_whose_reader_has_gone_costs_nothing(trio: Servers, tmp_path: Path, pipe: tuple[int, int]) -> None:
    with Speaking(tmp_path, config_text(trio.first(1)), pipe[1]) as tenbin:
        os.close(pipe[0])
        assert [fetch(tenbin.address, "/api/fast").status for _ in range(20)] == [200] * 20
        assert tenbin.cli("server", "weight", "app/server1", "7").returncode == 0
        assert fetch(tenbin.address, "/api/fast").status == 200
        assert tenbin.cli("stop").returncode == 0
        tenbin.process.wait(10)
