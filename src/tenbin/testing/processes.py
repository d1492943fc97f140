"""Child processes of a test: started with their output in a file, waited for with deadlines, ended for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tenbin.testing.client import fetch
from tenbin.testing.wait import DeadlineError, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

_BACKEND = "import sys; from tenbin.demo.backend import main; sys.exit(main(sys.argv[1], int(sys.argv[2])))"


class Process:
    """A running command; leaving the context kills it and what it has started. `log` is the file with all it wrote."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".log", dir=folder)
        self.log = Path(path)
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - the test says what to run
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        finally:
            os.close(handle)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs (or is stopped), and has not ended."""
        return self._popen.poll() is None

    def output(self) -> str:
        """Return all that it wrote so far."""
        return self.log.read_text(errors="replace")

    def wait(self, deadline: float = 10.0) -> int:
        """Wait for its end and return the exit status, negative for a signal."""
        try:
            return self._popen.wait(deadline)
        except subprocess.TimeoutExpired as error:
            raise DeadlineError(f"{self.name} did not end within {deadline:g} s; it wrote:\n{self.output()}") from error

    def signal(self, number: int) -> None:
        """Send a signal; an ended process gets none."""
        if self.alive:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it with SIGKILL and wait."""
        self.signal(signal.SIGKILL)
        self._popen.wait(10)

    def terminate(self, deadline: float = 35.0) -> int:
        """Ask it to end with SIGTERM and return the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(deadline)

    def wait_ready(self, ready: Callable[[], object], deadline: float = 15.0) -> None:
        """Wait until `ready()` is true; an end before that is an error at once."""

        def check() -> object:
            if not self.alive:
                raise RuntimeError(f"{self.name} ended with {self._popen.returncode}; it wrote:\n{self.output()}")
            return ready()

        wait_for(check, deadline, lambda: f"{self.name} is ready; it wrote:\n{self.output()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The group first: while its leader was not waited for, nobody else can have the number.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(10)


def start_backend(name: str, port: int, folder: Path) -> Process:
    """Start the demo application and wait until it answers."""
    process = Process(name, (sys.executable, "-c", _BACKEND, name, str(port)), folder)
    try:
        process.wait_ready(lambda: fetch(("127.0.0.1", port), "/health").status == 200)
    except BaseException:
        process.kill()
        raise
    return process


def processes_of(runtime_directory: Path, program: str) -> list[int]:
    """Return the ids of all processes running `program` for this runtime directory, by argument or environment."""
    found = []
    needle = os.fsencode(runtime_directory)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes()
            if program.encode() not in arguments.split(b"\0")[0]:
                continue
            if needle in arguments or needle in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return sorted(found)


def is_running(pid: int) -> bool:
    """Whether this process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_all(pids: Sequence[int]) -> None:
    """Kill these processes and wait until they are gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(is_running(pid) for pid in pids), 10, f"processes {list(pids)} are gone")


def kill_until_none(find: Callable[[], Sequence[int]]) -> None:
    """Kill what `find` finds until it finds nothing: what ends may just have started another."""
    while pids := find():
        kill_all(pids)
