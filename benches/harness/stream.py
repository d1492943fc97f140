"""Bulk: a server that writes without end, and clients that read for a while. Threads, for the calls run without a lock.

`python stream.py DESCRIPTOR` is the server, in a process of its own so that it and the readers use both cores.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from harness.clock import now

_GREETING = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_CHUNK = 256 * 1024
_BEGIN = b"GO"


class Source:
    """The server, listening on `port`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", "harness.stream", str(descriptor)]
        self._process = subprocess.Popen(command, pass_fds=(descriptor,), cwd=sys.path[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.close()


def draw(port: int, connections: int, seconds: float) -> int:
    """Read from so many connections for so long; returns the bytes read."""
    counts = [0] * connections
    end = now() + seconds

    def read(index: int) -> None:
        buffer = bytearray(_CHUNK)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(_BEGIN)
            while now() < end and (count := sock.recv_into(buffer)):
                counts[index] += count

    threads = [threading.Thread(target=read, args=(index,)) for index in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _serve(sock: socket.socket) -> None:
    with sock, contextlib.suppress(OSError):
        if sock.recv(len(_BEGIN)) != _BEGIN:
            # Somebody who only asks whether the way here is open.
            sock.sendall(_GREETING)
            return
        chunk = bytes(_CHUNK)
        while True:
            sock.sendall(chunk)


def main(descriptor: int) -> None:
    """Serve on an open listener until killed."""
    listener = socket.socket(fileno=descriptor)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_serve, args=(sock,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
