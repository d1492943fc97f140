"""Tenbin's data plane without its control plane: started, given its sockets and a snapshot.

The configuration is a file as a user writes it, read and compiled by Tenbin itself; only the process that would steer
afterwards is left out, so that what is measured is the program that carries requests.
"""

import array
import json
import os
import socket
import struct
from pathlib import Path

from harness.child import Child
from harness.clock import now, pause
from tenbin import configfile
from tenbin.dataplane.sockets import Listeners, Shape
from tenbin.plan.compile import Surroundings, compile_snapshot
from tenbin.plan.wire import PROTOCOL
from tenbin.state import Overlay, State

_BACKLOG = 4096
_SECRET = "5a" * 32


class Prepared:
    """A configuration, read and compiled, with its sockets bound."""

    def __init__(self, text: str, folder: Path, name: str = "tenbin.yaml") -> None:
        file = folder / name
        file.write_text(text)
        config = configfile.load(file, environment={})
        self.snapshot = compile_snapshot(State(config, Overlay(), 1), Surroundings(secret=_SECRET))
        self.listeners = Listeners()
        self.listeners.open(config, Shape(threads=config.threads, backlog=_BACKLOG))

    def close(self) -> None:
        """Close the sockets."""
        self.listeners.close()


class Dataplane(Child):
    """A data plane under the control of this process."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self._path = folder / "control"
        self._path.unlink(missing_ok=True)
        self._id = 0
        self._control = socket.socket(socket.AF_UNIX)
        super().__init__("tenbin", [str(binary), "--control", str(self._path)], folder)

    def give(self, prepared: Prepared) -> None:
        """Take control, hand over the sockets, and apply the snapshot."""
        self._connect()
        self.ask("hello", {"protocol": PROTOCOL, "pid": os.getpid()})
        for address in prepared.listeners.addresses:
            descriptors = [sock.fileno() for sock in prepared.listeners.of(address)]
            self.ask("set_sockets", {"address": address, "count": len(descriptors)}, descriptors)
        self.apply(prepared.snapshot.model_dump_json().encode())

    def apply(self, snapshot: bytes) -> float:
        """Apply a snapshot (JSON); returns the seconds from the first byte sent to the answer."""
        self._id += 1
        frame = b'{"type":"apply","id":%d,"snapshot":%s}' % (self._id, snapshot)
        begin = now()
        self._control.sendall(struct.pack(">I", len(frame)) + frame)
        self._answer()
        return now() - begin

    def ask(self, kind: str, fields: dict[str, object], descriptors: list[int] | None = None) -> dict[str, object]:
        """Send a request and return its answer."""
        self._id += 1
        frame = json.dumps({"type": kind, "id": self._id, **fields}).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        # A small frame leaves in one call on a unix socket that nothing else is written to.
        self._control.sendmsg([struct.pack(">I", len(frame)) + frame], rights)
        return self._answer()

    def _connect(self) -> None:
        deadline = now() + 10
        while True:
            try:
                self._control.connect(str(self._path))
            except (FileNotFoundError, ConnectionRefusedError):
                self.check()
                if now() > deadline:
                    raise
                pause(0.0002)
            else:
                return

    def _answer(self) -> dict[str, object]:
        while True:
            (length,) = struct.unpack(">I", self._receive(4))
            frame: dict[str, object] = json.loads(self._receive(length))
            if frame.get("id") == self._id:
                if frame.get("ok") is not True:
                    raise RuntimeError(f"the data plane refused: {frame.get('error')}")
                return frame

    def _receive(self, length: int) -> bytes:
        parts: list[bytes] = []
        while length > 0:
            part = self._control.recv(min(length, 1 << 20))
            if not part:
                raise RuntimeError("the data plane closed its control connection")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)
