"""`tenbin haproxy` as somebody starts it in place of `haproxy`: with words, descriptors and an environment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from tenbin.testing.client import fetch
from tenbin.testing.processes import kill_all, processes_of
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

CLI = (sys.executable, "-m", "tenbin", "haproxy")
DEFAULTS = "defaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n"
BEGIN, END = 30.0, 20.0
"""Seconds within which it serves, or is gone, also on a machine that is busy with other tests."""


def answering(port: int, text: str = "here") -> str:
    """A configuration that answers by itself."""
    return (
        f"{DEFAULTS}frontend web\n bind 127.0.0.1:{port}\n"
        f" http-request return status 200 content-type text/plain string {text}\n"
    )


def run(*words: str, folder: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Call it and wait for its end."""
    environment = {**os.environ, "TMPDIR": str(folder), **(env or {})}
    return subprocess.run(
        (*CLI, *words), cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


class Started:
    """A running one; leaving the context ends it and whatever it left."""

    def __init__(
        self, *words: str, folder: Path, env: Mapping[str, str] | None = None, inherited: Sequence[int] = ()
    ) -> None:
        self.folder = folder
        self.log = folder / f"out-{len(list(folder.glob('out-*')))}"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                (*CLI, *words),
                cwd=folder,
                env={**os.environ, "TMPDIR": str(folder), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=inherited,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def output(self) -> str:
        """All that it wrote so far."""
        return self.log.read_text(errors="replace")

    def serves(self, port: int, text: str = "here") -> Self:
        """Wait until it answers so."""
        wait_for(
            lambda: fetch(("127.0.0.1", port), "/").body == text.encode(), BEGIN, lambda: f"served: {self.output()}"
        )
        return self

    def says(self, text: str) -> None:
        """Wait until it has written this."""
        wait_for(lambda: text in self.output(), END, lambda: f"{text!r} in {self.output()}")

    def ends_by(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code."""
        return self._process.wait(END)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def dataplanes(self) -> list[int]:
        """The data planes of this folder."""
        return processes_of(self.folder, "tenbin-dataplane")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(END)
        kill_all(self.dataplanes())


def listening() -> socket.socket:
    """A listening socket that may be inherited."""
    found = socket.create_server(("127.0.0.1", 0))
    found.set_inheritable(True)
    return found
