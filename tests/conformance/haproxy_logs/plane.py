"""A data plane on its own, fed with a snapshot, and a real HAProxy: the two sides of a comparison of lines."""

from __future__ import annotations

import array
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.reference import HAPROXY as PROGRAM
from tenbin.dataplane.binary import find
from tenbin.testing import lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = "%f %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %CC %CS %hr %hs %{+Q}r"
TCP_FORMAT = "%f %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"
TIMES = {"client": 1500, "header": 1200, "keep_alive": 1200, "tunnel": 0}
PATIENCE = {"connect": 900, "server": 900, "queue": 900, "tunnel": 0}
"""Milliseconds: long beside what a busy machine makes everything wait, so that the same time runs out at both."""

HAPROXY = """global
 log 127.0.0.1:{sink} len 4096 format raw local0
 maxconn 200
defaults
 mode {mode}
 log global
 log-format "{form}"
 timeout client 1500ms
 timeout http-request 1200ms
 timeout http-keep-alive 1200ms
 timeout connect 900ms
 timeout server 900ms
 timeout queue 900ms
 timeout tarpit 500ms
 retries 0
frontend web
 bind 127.0.0.1:{port}
 {frontend}
 default_backend app
backend app
 {backend}
 server s1 127.0.0.1:{server} {options}
"""


class Sink:
    """Takes lines over UDP."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def line(self, deadline: float = 4.0) -> str:
        """Wait for the next line."""
        self._socket.settimeout(deadline)
        return self._socket.recv(65536).decode("latin-1").rstrip("\n")

    def close(self) -> None:
        """Free the port."""
        self._socket.close()


def is_open(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def haproxy(port: int, server: int, sink: int, case: dict[str, str]) -> Iterator[None]:
    """Run HAProxy with the lines of a case."""
    text = HAPROXY.format(port=port, server=server, sink=sink, **case)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "haproxy.cfg")
        file.write_text(text)
        process = subprocess.Popen([PROGRAM or "haproxy", "-db", "-f", str(file)], stderr=subprocess.PIPE)
        try:
            wait_for(lambda: is_bound(port) or process.poll() is not None, 5, "HAProxy listens")
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            yield
        finally:
            process.kill()
            process.wait()


def is_bound(port: int) -> bool:
    """Whether the port is listened on, without connecting to it."""
    wanted = f":{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(wanted) and row.split()[3] == "0A" for row in rows)


def parts(form: str) -> list[dict[str, Any]]:
    """The pieces of a format, as a snapshot has them."""
    out: list[dict[str, Any]] = []
    for text, flags, name, sample in re.findall(r"([^%]+)|%(?:\{([^}]*)\})?(?:([A-Za-z]+)|\[([^\]]*)\])", form):
        if text:
            out.append({"value": {"op": "const", "value": text}})
        else:
            options = {"quote": "+Q" in flags, "hex": "+X" in flags, "escape": "+E" in flags}
            out.append({"value": {"op": "fetch", "name": f"log.{name}" if name else sample}, **options})
    return out


class Plane:
    """The data plane's process and its control socket."""

    def __init__(self, folder: str) -> None:
        path = str(Path(folder, "control.sock"))
        self.process = subprocess.Popen([str(find(os.environ)), "--control", path], stdout=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_UNIX)
        wait_for(lambda: self.socket.connect_ex(path) == 0, 5, "the data plane listens")
        self.count = 0
        self.call("hello", protocol=1, pid=os.getpid())

    def call(self, kind: str, sockets: tuple[socket.socket, ...] = (), **members: object) -> dict[str, Any]:
        """Send a frame and return its answer."""
        self.count += 1
        text = json.dumps({"type": kind, "id": self.count, **members}).encode()
        frame = struct.pack(">I", len(text)) + text
        numbers = array.array("i", [sock.fileno() for sock in sockets])
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if sockets else []
        sent = self.socket.sendmsg([frame], ancillary)
        self.socket.sendall(frame[sent:])
        while (answer := self._read()).get("id") != self.count:
            pass
        return answer

    def _read(self) -> dict[str, Any]:
        head = self._exactly(4)
        return json.loads(self._exactly(int.from_bytes(head, "big")))  # type: ignore[no-any-return]

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data

    def close(self) -> None:
        """End it."""
        self.socket.close()
        self.process.kill()
        self.process.wait()


def snapshot(port: int, server: int, sink: int, mode: str, form: str) -> dict[str, Any]:
    """The same proxy as HAPROXY describes, as a snapshot."""
    target = {
        "address": f"udp@127.0.0.1:{sink}",
        "envelope": "raw",
        "facility": 16,
        "level": 7,
        "least": 0,
        "length": 4096,
    }
    log: dict[str, Any] = {"targets": [target], "format": parts(form), "tag": "haproxy", "pid": 7}
    log |= {"null": True, "normal": True, "early": False, "raise_errors": False}
    limits = {"connections": 0, "head": 16384, "fields": 101, "target": 8192, "body": 0}
    route = {"action": {"kind": "backend", "backend": "app"}}
    front: dict[str, Any] = {
        "name": "web",
        "mode": mode,
        "timeouts": TIMES,
        "limits": limits,
        "routes": [route],
        "log": log,
    }
    back: dict[str, Any] = {"name": "app", "mode": mode, "balance": {"policy": "round_robin"}, "timeouts": PATIENCE}
    back |= {"limits": {"head": 16384, "fields": 101}}
    back |= {"retry": {"attempts": 0, "budget": 0}, "pool": {"reuse": "safe", "max_idle": 8, "idle_timeout": 5000}}
    back |= {"servers": [{"name": "s1", "address": f"127.0.0.1:{server}", "weight": 1, "cookie": "s1"}]}
    front["answers"] = [[status, {"status": status}] for status in (400, 403, 408, 500, 502, 503, 504)]
    return {
        "generation": 1,
        "threads": 1,
        "limits": {"connections": 200, "buffer": 16384},
        "access_log": {"target": "none", "format": "json"},
        "secret": "00" * 32,
        "listeners": [{"address": f"127.0.0.1:{port}", "frontend": "web"}],
        "frontends": [front | {"forwarding": False}],
        "backends": [back],
    }


@contextlib.contextmanager
def tenbin(snap: dict[str, Any]) -> Iterator[Plane]:
    """Run a data plane with a snapshot."""
    address = snap["listeners"][0]["address"]
    host, port = address.split(":")
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
        listener.listen(64)
        plane = Plane(folder)
        try:
            plane.call("set_sockets", (listener,), address=address, count=1)
            answer = plane.call("apply", snapshot=snap)
            assert "error" not in answer, answer
            yield plane
        finally:
            plane.close()


def ports(count: int) -> tuple[int, ...]:
    """Free ports, for as long as the process lives."""
    return tuple(lease(count).ports)
