"""A user's haproxy.cfg, with ports of this machine put in the places of its own, and whoever runs it.

Owns where things are: leased ports for what it binds and for its servers, files of its certificates and error pages.
Clients speak TLS from addresses of their own choosing, because a configuration may count what each address does.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from support.certificates import make_certificate, trusting
from support.reference import HAPROXY
from support.runtime_api import Api
from tenbin.testing import AsyncClient, Lease, Process, lease, wait_for
from tenbin.testing.processes import kill_all, processes_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping, Sequence

    from tenbin.testing import Response

Program = Literal["run", "haproxy", "oracle"]
"""`tenbin run`, `tenbin haproxy`, or HAProxy itself, which shows that a test is sound."""

_BIND = re.compile(r"(?m)^(\s*bind) \*:(\d+)")
_SERVER = re.compile(r"(?m)^(\s*server \S+) ([a-z][a-z0-9-]*):(\d+)(?: check port (\3))?")
_SOCKET = "/var/run/haproxy.sock"
_FILES = "/etc/haproxy/"
_DAEMON = re.compile(r"(?m)^\s*daemon$")
_UNAVAILABLE = "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nnobody is in\n"


@dataclass
class Placed:
    """A configuration in a folder. `ports` says which one stands for port 80, and which for the host `server1`."""

    folder: Path
    text: str
    ports: dict[str, int]
    leases: list[Lease] = field(repr=False)

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.folder / "haproxy.cfg"

    @property
    def api(self) -> Api:
        """Its socket."""
        return Api(self.folder / "api")

    def address(self, place: str) -> tuple[str, int]:
        """Where something listens."""
        return "127.0.0.1", self.ports[place]


@contextmanager
def placed(text: str, folder: Path, servers: Mapping[str, int] | None = None) -> Iterator[Placed]:
    """Put leased ports and own files in the places of those of a configuration; `servers` says who is where."""
    config = Placed(folder, "", dict(servers or {}), [])
    (folder / "certs").mkdir()
    (folder / "errors").mkdir()
    make_certificate(folder / "certs" / "server.pem")
    (folder / "errors" / "503.http").write_text(_UNAVAILABLE)
    text = _BIND.sub(lambda found: f"{found[1]} 127.0.0.1:{_port(config, found[2])}", text)
    text = _SERVER.sub(lambda found: _server(config, found), text)
    text = text.replace(_SOCKET, str(config.api.path)).replace(_FILES, f"{folder}/")
    config.text = _DAEMON.sub("", text)
    config.file.write_text(config.text)
    try:
        yield config
    finally:
        for one in config.leases:
            one.release()


@contextmanager
def running(config: Placed, program: Program = "run") -> Iterator[Process]:
    """Run a configuration until the context ends; it has a socket, or listens at `:80`."""
    # Sockets are in it, and their paths may not be long.
    home = Path(tempfile.mkdtemp(prefix="edge-"))
    tenbin = (sys.executable, "-m", "tenbin")
    commands: dict[str, tuple[str, ...]] = {
        "run": (*tenbin, "run", str(config.file)),
        "haproxy": (*tenbin, "haproxy", "-W", "-f", str(config.file)),
        "oracle": (HAPROXY or "haproxy", "-W", "-f", str(config.file)),
    }
    env = {**os.environ, "TENBIN_RUNTIME_DIR": str(home), "TMPDIR": str(home)}
    with Process(program, commands[program], config.folder, env) as process:
        try:
            process.wait_ready(lambda: _serves(config), 30)
            yield process
        finally:
            process.signal(signal.SIGTERM)
            process.wait()
            kill_all(processes_of(home, "tenbin-dataplane"))
            shutil.rmtree(home)


def ask_all(config: Placed, asked: Sequence[tuple[str, bytes]], place: str = "443") -> list[Response]:
    """Send requests at once, each on a TLS connection from its source address; the answers, in order."""
    tls = trusting(config.folder / "certs" / "server.pem") if place == "443" else None

    async def every() -> list[Response]:
        return list(await asyncio.gather(*(ask(config.address(place), data, source, tls) for source, data in asked)))

    return asyncio.run(every())


async def ask(address: tuple[str, int], data: bytes, source: str, tls: ssl.SSLContext | None) -> Response:
    """Send one request on a connection of its own."""
    name = "localhost" if tls else None
    streams = await asyncio.open_connection(*address, ssl=tls, server_hostname=name, local_addr=(source, 0))
    client = AsyncClient(*streams)
    try:
        return await client.exchange(data)
    finally:
        client.close()


def visitor(number: int) -> str:
    """Return the loopback address of a visitor."""
    return f"127.9.{number // 250}.{number % 250 + 1}"


def wait_up(config: Placed, *servers: str) -> None:
    """Wait until checks have found these servers (`backend/server`), and nobody thinks so by default."""

    def all_up() -> bool:
        rows = config.api.stat()
        found = [rows[backend, server] for backend, _, server in (name.partition("/") for name in servers)]
        return all(row["status"] == "UP" and row["check_status"].startswith("L") for row in found)

    wait_for(all_up, 15, f"{servers} are up")


def _server(config: Placed, found: re.Match[str]) -> str:
    port = _port(config, found[2])
    return f"{found[1]} 127.0.0.1:{port}" + (f" check port {port}" if found[4] else "")


def _port(config: Placed, place: str) -> int:
    if place not in config.ports:
        config.leases.append(lease())
        config.ports[place] = config.leases[-1].ports[0]
    return config.ports[place]


def _serves(config: Placed) -> bool:
    if str(config.api.path) in config.text:
        return bool(config.api.stat())
    return bool(config.ports) and all(_open(config.address(place)) for place in config.ports if place.isdigit())


def _open(address: tuple[str, int]) -> bool:
    socket.create_connection(address, 1).close()
    return True
