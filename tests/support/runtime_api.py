"""HAProxy's runtime API as its users speak it, and a Tenbin or a HAProxy on a configuration in HAProxy's language."""

from __future__ import annotations

import csv
import os
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.reference import HAPROXY
from tenbin.testing import Process
from tenbin.testing.processes import kill_all, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Api:
    """The socket of one process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str, *, level: str = "") -> str:
        """Send one line, as socat does, and return all that is answered."""
        path = self.path.with_name(f"{self.path.name}{level}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(path))
            connection.sendall(f"{text}\n".encode())
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()

    def stat(self) -> dict[tuple[str, str], dict[str, str]]:
        """Return `show stat` by proxy and name."""
        names, *values = csv.reader(self("show stat").removeprefix("# ").strip("\n").split("\n"))
        rows = [dict(zip(names, line, strict=True)) for line in values]
        return {(row["pxname"], row["svname"]): row for row in rows}


@contextmanager
def tenbin_on(text: str, folder: Path, compat: str = "") -> Iterator[Api]:
    """`tenbin run haproxy.cfg`; `{socket}` in the text is where the API is, `compat` a version of HAProxy."""
    run = folder / "run"
    run.mkdir(mode=0o700)
    file = folder / "haproxy.cfg"
    api = Api(folder / "api")
    file.write_text(text.replace("{socket}", str(api.path)))
    env = {"TENBIN_RUNTIME_DIR": str(run), **({"TENBIN_COMPAT": compat} if compat else {})}
    command = (sys.executable, "-m", "tenbin", "run", str(file))
    with Process("tenbin", command, folder, {**os.environ, **env}) as process:
        try:
            process.wait_ready(lambda: bool(api("show version")) and _open(api))
            yield api
        finally:
            # It would start another one.
            process.kill()
            kill_all(processes_of(run, "tenbin-dataplane"))


@contextmanager
def haproxy_on(text: str, folder: Path) -> Iterator[Api]:
    """HAProxy itself on the same text."""
    file = folder / "theirs.cfg"
    api = Api(folder / "theirs")
    file.write_text(text.replace("{socket}", str(api.path)))
    with Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder) as process:
        process.wait_ready(lambda: bool(api("show version")))
        yield api


def _open(api: Api) -> bool:
    return all(row["status"] for row in api.stat().values())
