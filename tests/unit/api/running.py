"""A real admin server in a thread of its own, an in-memory process behind it, and a plain HTTP client."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from tenbin.api import AdminServer, Limits, ReloadReport
from tenbin.clock import SystemClock
from tenbin.errors import UnknownObjectError
from tenbin.model import Address, Admin, AdminEndpoint, Config, LogFormat, ServerId
from tenbin.observe.journal import Journal
from tenbin.observe.status import Status, build
from tenbin.plan import wire
from tenbin.state.overlay import Overlay
from unit.observe import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105 - of this test
SECRET = "5ec2e7" * 10
PATIENCE = 60
"""Seconds for what ends at once unless the machine is busy: the first server of a process loads its libraries."""
JSON = {"Content-Type": "application/json"}
BEARER = {"Authorization": f"Bearer {TOKEN}", **JSON}


@dataclass
class MemoryProcess:
    """Operations on values in memory."""

    config: Config = field(default_factory=samples.two_servers)
    is_ready: bool = True
    reload_report: ReloadReport = field(
        default_factory=lambda: ReloadReport(True, 9, "generation 8 → 9: ~1 timeout", "")
    )
    changes: list[tuple[ServerId, int | None, Admin | None]] = field(default_factory=list)
    stops: list[bool] = field(default_factory=list)
    broken: bool = False
    hang: bool = False
    entered: bool = False

    async def status(self) -> Status:
        return self.known()

    def known(self) -> Status:
        if self.broken:
            raise RuntimeError("bug <b>")
        return build(self.config, Overlay(), samples.stats(self.config), samples.WATCHED, samples.NOW, 0.5)

    def snapshot(self) -> wire.Snapshot:
        return wire.Snapshot(
            generation=8,
            threads=2,
            limits=wire.Limits(connections=10, buffer=16_384, memory=0, memory_percent=95),
            access_log=wire.AccessLog(target="none", format="json"),
            secret=SECRET,
            listeners=(),
            frontends=(),
            backends=(),
        )

    def ready(self) -> bool:
        return self.is_ready

    async def reload(self) -> ReloadReport:
        if self.hang:
            self.entered = True
            await asyncio.Event().wait()
        return self.reload_report

    async def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> str:
        if server.backend != "app" or server.server not in {"server1", "server2"}:
            raise UnknownObjectError(f"there is no server {server}", hint="did you mean app/server1?")
        self.changes.append((server, weight, admin))
        return f"server {server} changed"

    async def stop(self, *, now: bool) -> None:
        self.stops.append(now)

    async def compat_metrics(self) -> str:
        return ""

    async def upgrade(self) -> str:
        return "process 12 takes over"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        decoded: dict[str, object] = json.loads(self.body)
        return decoded


@dataclass
class Running:
    """A served API; `path` is the unix socket."""

    process: MemoryProcess
    journal: Journal
    port: int
    path: Path
    loop: asyncio.AbstractEventLoop
    server: AdminServer

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        unix: bool = False,
    ) -> Answer:
        """One request on a connection of its own."""
        connection = (
            UnixConnection(self.path) if unix else http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        )
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def raw(self) -> socket.socket:
        """A TCP connection to speak bytes on."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(PATIENCE)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


@contextmanager
def running(
    directory: Path,
    *,
    token: str = TOKEN,
    process: MemoryProcess | None = None,
    limits: Limits | None = None,
    endpoint: AdminEndpoint | None = None,
) -> Iterator[Running]:
    """Serve on a free port and in `directory` until the block ends."""
    process = process or MemoryProcess()
    journal = Journal(SystemClock(), StringIO(), LogFormat.JSON)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = AdminServer(process, journal=journal, limits=limits)
    path = directory / "admin.sock"
    start = server.start(endpoint or AdminEndpoint(Address("127.0.0.1", 0), token), path)
    asyncio.run_coroutine_threadsafe(start, loop).result(PATIENCE)
    assert server.address is not None
    served = Running(process, journal, server.address.port, path, loop, server)
    try:
        yield served
    finally:
        served.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()
        journal.close()


def whole(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    answer = b""
    while data := connection.recv(65_536):
        answer += data
    return answer


def head(framing: bytes) -> bytes:
    """The head of a reload that the token allows."""
    token = BEARER["Authorization"].encode()
    fixed = b"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return fixed + b"Authorization: " + token + b"\r\n" + framing + b"\r\n\r\n"
