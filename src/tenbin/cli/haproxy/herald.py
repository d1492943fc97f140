"""Tells those who wait that traffic is served: the shell, the service manager, the processes that make way.

Owns going to the background and the pid file.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.cli.haproxy.arguments import Arguments
    from tenbin.cli.haproxy.words import Words


class Herald:
    """Of one start; `daemon`: in the background, `pidfile` "" for none."""

    def __init__(self, arguments: Arguments, words: Words, *, daemon: bool, pidfile: str) -> None:
        self._arguments = arguments
        self._words = words
        self._daemon = daemon
        self._pidfile = pidfile if daemon or arguments.master else ""
        self._waiting: int | None = None
        self._written = False

    def leave(self) -> bool:
        """Go on in the background if that is wanted; True in the process that was started, which waits."""
        if not self._daemon:
            return False
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            self._waiting = reading
            return True
        os.close(reading)
        self._waiting = writing
        os.setsid()
        # Whoever reads what the command writes must not wait for what goes on without it.
        self._words.move(os.dup(2))
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.close(null)
        return False

    def await_child(self) -> int:
        """Return the exit code once the background process serves, or has failed to."""
        if self._waiting is None:
            return 1
        with os.fdopen(self._waiting, "rb") as pipe:
            return 0 if pipe.read(1) == b"1" else 1

    def announce(self) -> None:
        """Traffic is served."""
        gc.freeze()
        gc.enable()
        self._write_pid()
        for number, process in (
            *((signal.SIGUSR1, one) for one in self._arguments.finish),
            *((signal.SIGTERM, one) for one in self._arguments.terminate),
        ):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)
        if self._arguments.master:
            self._words.say("info", "Loading success.")
        if self._arguments.notify:
            notify(f"READY=1\nMAINPID={os.getpid()}\nSTATUS=Ready.\n")
        if self._waiting is not None:
            self._words.move(os.open(os.devnull, os.O_WRONLY))
            os.write(self._waiting, b"1")
            os.close(self._waiting)
            self._waiting = None

    def withdraw(self) -> None:
        """Nothing is served any more; a successor's pid file stays."""
        if self._written:
            with suppress(OSError):
                if Path(self._pidfile).read_text(encoding="ascii").strip() == str(os.getpid()):
                    Path(self._pidfile).unlink()

    def _write_pid(self) -> None:
        if not self._pidfile:
            return
        try:
            Path(self._pidfile).write_text(f"{os.getpid()}\n", encoding="ascii")
            self._written = True
        except OSError as error:
            self._words.say("error", f"Cannot create pidfile {self._pidfile} : {error.strerror}")


def notify(state: str) -> None:
    """Tell the service manager; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
        sender.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
