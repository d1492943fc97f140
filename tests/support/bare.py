"""The data plane alone: a test speaks the seam with it, without a control plane in between.

Owns a minimal other end of the socket (frames, descriptors) and the smallest whole snapshot.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tenbin.dataplane.binary import find
from tenbin.plan.wire import PROTOCOL
from tenbin.testing import Process, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from tenbin.testing.client import Address

TIMEOUTS = {"client": 2000, "header": 2000, "keep_alive": 2000, "tunnel": 60_000}
LIMITS = {"connections": 0, "head": 32_768, "fields": 100, "target": 8192, "body": 0}


def binary() -> str:
    """Return where the data plane's program is, found as Tenbin itself finds it."""
    return str(find(os.environ))


def frontend(name: str, backend: str, **more: object) -> dict[str, object]:
    """Return an HTTP frontend with one route to a backend."""
    routes = [{"action": {"kind": "backend", "backend": backend}}]
    return {"name": name, "mode": "http", "timeouts": TIMEOUTS, "limits": LIMITS, "routes": routes, **more}


def backend(name: str, servers: Mapping[str, str], **more: object) -> dict[str, object]:
    """Return an HTTP backend of servers by name and address."""
    return {
        "name": name,
        "mode": "http",
        "balance": {"policy": "round_robin"},
        "timeouts": {"connect": 2000, "server": 3000, "queue": 2000, "tunnel": 60_000},
        "retry": {"attempts": 1, "budget": 100},
        "pool": {"reuse": "safe", "max_idle": 16, "idle_timeout": 2000},
        "limits": {"head": 32_768, "fields": 100},
        "servers": [{"name": key, "address": value, "weight": 1, "cookie": key} for key, value in servers.items()],
        **more,
    }


def snapshot(
    generation: int, listeners: Mapping[str, str], frontends: Sequence[object], backends: Sequence[object]
) -> dict[str, object]:
    """Return a whole snapshot; `listeners` are addresses and the frontends they belong to."""
    return {
        "generation": generation,
        "threads": 2,
        "limits": {"connections": 10_000, "buffer": 16_384},
        "access_log": {"target": "none", "format": "json"},
        "secret": "00" * 32,
        "listeners": [{"address": address, "frontend": name, "http2": True} for address, name in listeners.items()],
        "frontends": frontends,
        "backends": backends,
    }


class BareDataplane:
    """A running data plane and the connection that controls it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tenbin-bare-"))
        self.path = self.folder / "dataplane.sock"
        self.process = Process("dataplane", (binary(), "--control", str(self.path)), self.folder)
        self._sockets: list[socket.socket] = []
        self._next = 1
        self.connection = self._connect()
        self.welcome = self.ask("hello", protocol=PROTOCOL, pid=os.getpid())

    def ask(self, kind: str, *descriptors: int, **fields: object) -> dict[str, Any]:
        """Send a request and return its answer; events that come in between are dropped."""
        number, self._next = self._next, self._next + 1
        body = json.dumps({"type": kind, "id": number, **fields}).encode()
        socket.send_fds(self.connection, [len(body).to_bytes(4, "big") + body], list(descriptors))
        while True:
            answer: dict[str, Any] = json.loads(self._exactly(int.from_bytes(self._exactly(4), "big")))
            if answer.get("id") == number:
                return answer

    def listen(self, address: Address, threads: int = 2) -> None:
        """Hand over the sockets of one listener."""
        sockets = []
        for _ in range(threads):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
            one.listen(1024)
            one.setblocking(False)
            sockets.append(one)
        self._sockets += sockets
        name = f"{address[0]}:{address[1]}"
        answer = self.ask("set_sockets", *(one.fileno() for one in sockets), address=name, count=threads)
        assert answer["ok"], answer

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)

        def connected() -> bool:
            connection.connect(str(self.path))
            return True

        wait_for(connected, 5, self.process.output)
        return connection

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            assert more, f"the data plane closed the control connection: {self.process.output()}"
            data += more
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self.process.kill()
        for one in self._sockets:
            one.close()
        shutil.rmtree(self.folder, ignore_errors=True)
