"""Leases of TCP ports that hold across parallel test processes.

Binding port 0 and closing again leaves a gap in which another process takes the port. A lease is a lock on a file
named after the port, held until it is given back or its process ends, on ports below the range from which the
system picks by itself.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_FIRST, _LAST = 20_100, 29_900
_FOLDER = Path(tempfile.gettempdir()) / f"tenbin-ports-{os.getuid()}"


class Lease:
    """Some ports that no other lease has."""

    def __init__(self, count: int) -> None:
        self._locks: list[IO[bytes]] = []
        self.ports: tuple[int, ...] = ()
        _FOLDER.mkdir(mode=0o700, exist_ok=True)
        found: list[int] = []
        for port in _candidates():
            if len(found) == count:
                break
            if self._take(port):
                found.append(port)
        if len(found) < count:
            self.release()
            raise OSError(f"only {len(found)} of {count} ports are free between {_FIRST} and {_LAST}")
        self.ports = tuple(found)

    def release(self) -> None:
        """Give all ports back."""
        for lock in self._locks:
            lock.close()
        self._locks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self, port: int) -> bool:
        lock = (_FOLDER / str(port)).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
                # A process that another thread is starting may hold a copy for a moment: it must not be in the way.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        except OSError:
            lock.close()
            return False
        self._locks.append(lock)
        return True


def lease(count: int = 1) -> Lease:
    """Lease `count` ports of 127.0.0.1."""
    return Lease(count)


def _candidates() -> Iterator[int]:
    """Every port once, each process from another place on, so that they seldom meet."""
    size = _LAST - _FIRST
    start = (os.getpid() * 97 + _step()) % size
    for i in range(size):
        yield _FIRST + (start + i) % size


_steps = 0


def _step() -> int:
    """Move on within this process, so that a port is not used again at once."""
    global _steps  # noqa: PLW0603 - one counter a process
    _steps += 13
    return _steps
