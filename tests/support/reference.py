"""Debian's HAProxy and nginx, where they are installed: they show that a test is sound before it judges Tenbin."""

from __future__ import annotations

import shutil
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenbin.testing import Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SYSTEM = "/usr/sbin:/usr/local/sbin:/usr/bin"

HAPROXY = shutil.which("haproxy", path=_SYSTEM)
NGINX = shutil.which("nginx", path=_SYSTEM)


@contextmanager
def haproxy(config: str, folder: Path, ports: Sequence[int]) -> Iterator[Process]:
    """HAProxy on a configuration that names these ports, which a test has leased, until the context ends."""
    file = folder / "haproxy.cfg"
    timeouts = " timeout connect 5s\n timeout client 10s\n timeout server 10s\n"
    file.write_text(f"global\n nbthread 1\n maxconn 500\ndefaults\n{timeouts}{config}")
    with Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder) as process:
        _wait_open(process, ports)
        yield process


@contextmanager
def nginx(http: str, folder: Path, ports: Sequence[int]) -> Iterator[Process]:
    """Do the same with nginx and what stands in its `http` block."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temp = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;\n"
        f"events {{ worker_connections 500; }}\nhttp {{ access_log off; {temp}\n{http} }}\n"
    )
    with Process("nginx", (NGINX or "nginx", "-e", "stderr", "-c", str(file)), folder) as process:
        _wait_open(process, ports)
        yield process


def _wait_open(process: Process, ports: Sequence[int]) -> None:
    def connects() -> bool:
        for port in ports:
            socket.create_connection(("127.0.0.1", port), 1).close()
        return True

    process.wait_ready(connects)
