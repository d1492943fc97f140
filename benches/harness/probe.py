"""A probe: requests at a constant rate, each timed from when it was due, so that a pause cannot hide itself.

`python -m harness.probe PORT` runs until its input ends, then writes a line `due seconds` for each request.
"""

import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from harness.clock import now

_EVERY = 0.002
_CONNECTIONS = 8
_REQUEST = b"GET / HTTP/1.1\r\nhost: probe\r\n\r\n"


class Seen:
    """When requests were due and how long each took, in seconds."""

    def __init__(self, requests: Sequence[tuple[float, float]]) -> None:
        self._requests = requests

    def longest(self, window: tuple[float, float]) -> float:
        """The longest of those that were due within a window."""
        return max(took for due, took in self._requests if window[0] <= due < window[1])


class Probe:
    """The running probe, in a process of its own."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "harness.probe", str(self._port)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=sys.path[0]
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self

    def end(self) -> Seen:
        """End it, and return what it saw."""
        out, _ = self._process.communicate()
        pairs = (line.split() for line in out.splitlines())
        return Seen([(float(due), float(took)) for due, took in pairs])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()


def main(port: int) -> None:
    """Probe over several connections in turn, which are spread over the proxy's threads."""
    sockets = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(_CONNECTIONS)]
    seen: list[tuple[float, float]] = []
    for sock in sockets:
        _ask(sock)
    print("ready", flush=True)
    due = now()
    while not select.select([sys.stdin], [], [], max(0.0, due - now()))[0]:
        _ask(sockets[len(seen) % _CONNECTIONS])
        seen.append((due, now() - due))
        due += _EVERY
    sys.stdout.writelines(f"{due:.6f} {took:.6f}\n" for due, took in seen)


def _ask(sock: socket.socket) -> None:
    sock.sendall(_REQUEST)
    if not sock.recv(4096).startswith(b"HTTP/1.1 200"):
        raise RuntimeError("the probe was not answered with 200")


if __name__ == "__main__":
    main(int(sys.argv[1]))
