"""Servers that say what a test wants, and a HAProxy and a Tenbin that check them with the same file."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self, TypeVar

from support.runtime_api import Api, haproxy_on, tenbin_on
from tenbin.clock import SystemClock
from tenbin.testing.wait import DeadlineError, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

HEAD = """
global
  stats socket {socket} mode 600 level admin
  insecure-fork-wanted
  external-check
defaults
  mode http
  timeout connect 500ms
  timeout client 5s
  timeout server 5s
"""
_PATIENCE = 8.0
_LASTS = 0.3
"""Longer than two checks of 100 ms are apart: what a server said before is not what it says now."""
Seen = TypeVar("Seen")


class Parrot:
    """Says `words` to whoever connects, after the request if one is waited for; `heard` is what was said to it.

    `hangs`: says nothing and keeps the connection.
    """

    def __init__(self, words: bytes = b"", *, waits: bool = False, hangs: bool = False) -> None:
        self.words = words
        self.heard: list[bytes] = []
        self.asked = 0
        self._waits = waits
        self._hangs = hangs
        self._kept: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._kept:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            if self._hangs:
                self._kept.append(connection)
                continue
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(1)
            if self._waits:
                self.heard.append(connection.recv(4096))
            connection.sendall(self.words)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass


@contextmanager
def both(text: str, folder: Path, theirs: str = "") -> Iterator[tuple[Api, Api]]:
    """Tenbin and HAProxy on the same backends; `theirs` is for HAProxy where ports differ."""
    with haproxy_on(HEAD + (theirs or text), folder) as other, tenbin_on(HEAD + text, folder, compat="2.6") as ours:
        yield ours, other


def columns(api: Api, server: str, names: Sequence[str], proxy: str = "app") -> dict[str, str]:
    """Some columns of a server; a check that is under way is one that has ended before."""
    row = api.stat()[proxy, server]
    return {name: row[name].removeprefix("* ") for name in names}


def settled(ours: Callable[[], Seen], theirs: Callable[[], Seen]) -> tuple[Seen, Seen]:
    """Wait until both have said the same for longer than checks need to be run anew; what they say at last if never."""
    clock = SystemClock()
    said, alike_since = (ours(), theirs()), clock.now()

    def agree() -> bool:
        nonlocal said, alike_since
        now = clock.now()
        before, said = said, (ours(), theirs())
        if said[0] != said[1] or said != before:
            alike_since = now
        return said[0] == said[1] and now - alike_since >= _LASTS

    with suppress(DeadlineError):
        wait_for(agree, _PATIENCE, "both say the same")
    return said
