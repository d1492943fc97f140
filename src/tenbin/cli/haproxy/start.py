"""Checks a configuration, or serves by it, as HAProxy does when it is started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.cli.haproxy.source import Files, UnusableError
from tenbin.cli.haproxy.words import Words
from tenbin.configfile.haproxy import About, ConditionError, holds, version_of
from tenbin.errors import TenbinError

if TYPE_CHECKING:
    from tenbin.cli.haproxy.arguments import Arguments
    from tenbin.supervisor.source import Loaded

_ALWAYS_SAYS_VALID = (2, 8)
"""From this version on, that a configuration is valid is said in verbose mode only."""


def start(arguments: Arguments) -> int:
    """Do what is asked; return the exit code."""
    words = Words(quiet=arguments.quiet)
    if arguments.condition is not None:
        return _evaluate(arguments.condition, words)
    if arguments.directory is not None:
        try:
            os.chdir(arguments.directory)
        except OSError as error:
            words.say("error", f"Could not change to directory {arguments.directory} : {error.strerror}")
            return 1
    source = Files(arguments)
    try:
        loaded = source.load()
    except UnusableError as error:
        words.lines(error.rendered)
        words.say("error", "config : Fatal errors found in configuration.")
        return 1
    words.lines(source.warnings)
    if source.warnings and arguments.zero_warning:
        words.say("error", "config : Some warnings were found and 'zero_warning' is set. Aborting.")
        return 1
    if arguments.check:
        if arguments.verbose or (version_of(os.environ) < _ALWAYS_SAYS_VALID and not arguments.quiet):
            sys.stdout.write("Configuration file is valid\n")
        return 0
    return _serve(arguments, source, loaded, words)


def _evaluate(condition: str, words: Words) -> int:
    try:
        return 0 if holds(condition, About(os.environ, version_of(os.environ))) else 1
    except ConditionError as error:
        words.say("error", f"config : Failed to evaluate condition: {error.message}")
        return 2


def _serve(arguments: Arguments, source: Files, loaded: Loaded, words: Words) -> int:
    compat = loaded.config.compat
    daemon = (arguments.daemon or bool(compat and compat.daemon)) and not arguments.foreground
    herald = _Herald(arguments, str(arguments.pidfile or (compat.pidfile if compat else "")), words)
    if daemon and herald.leave():
        return herald.await_child()
    directory = Path(tempfile.mkdtemp(prefix="tenbin-haproxy-"))
    try:
        return _run(arguments, source, herald, (words, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        herald.withdraw()


def _run(arguments: Arguments, source: Files, herald: _Herald, around: tuple[Words, Path]) -> int:
    from tenbin import supervisor
    from tenbin.cli.haproxy.journal import quiet_journal
    from tenbin.supervisor.manner import Manner, Meaning

    words, directory = around
    meanings = {
        signal.SIGTERM: Meaning.STOP,
        signal.SIGINT: Meaning.STOP,
        signal.SIGUSR1: Meaning.DRAIN,
        signal.SIGUSR2: Meaning.RELOAD if arguments.master else Meaning.NOTHING,
        signal.SIGHUP: Meaning.RELOAD if arguments.master else Meaning.NOTHING,
        signal.SIGTTOU: Meaning.NOTHING,
        signal.SIGTTIN: Meaning.NOTHING,
    }
    manner = Manner(
        meanings=meanings,
        journal=lambda clock: quiet_journal(clock, words),
        ready=herald.announce,
        masters=arguments.sockets,
    )
    try:
        ended_by = supervisor.run(source, runtime_directory=directory, manner=manner)
    except TenbinError as error:
        words.say("error", error.message)
        return 1
    return 130 if ended_by is signal.SIGINT and arguments.master else 0


class _Herald:
    """Tells those who wait that traffic is served: the shell, the service manager, the processes that make way."""

    def __init__(self, arguments: Arguments, pidfile: str, words: Words) -> None:
        self._arguments = arguments
        self._pidfile = pidfile
        self._words = words
        self._waiting: int | None = None
        self._written = False

    def leave(self) -> bool:
        """Go on in the background; True in the process that was started, which waits."""
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            self._waiting = reading
            return True
        os.close(reading)
        self._waiting = writing
        os.setsid()
        return False

    def await_child(self) -> int:
        """Return the exit code once the background process serves, or has failed to."""
        if self._waiting is None:
            return 1
        with os.fdopen(self._waiting, "rb") as pipe:
            return 0 if pipe.read(1) == b"1" else 1

    def announce(self) -> None:
        """Traffic is served."""
        if self._pidfile:
            try:
                Path(self._pidfile).write_text(f"{os.getpid()}\n", encoding="ascii")
                self._written = True
            except OSError as error:
                self._words.say("error", f"Cannot create pidfile {self._pidfile} : {error.strerror}")
        for number, process in (
            *((signal.SIGUSR1, one) for one in self._arguments.finish),
            *((signal.SIGTERM, one) for one in self._arguments.terminate),
        ):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)
        if self._arguments.notify:
            _notify(f"READY=1\nMAINPID={os.getpid()}\nSTATUS=Ready.\n")
        if self._waiting is not None:
            null = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(null, standard)
            os.write(self._waiting, b"1")
            os.close(self._waiting)
            self._waiting = None
        if self._arguments.master:
            self._words.say("info", "Loading success.")

    def withdraw(self) -> None:
        """Nothing is served any more."""
        if self._written:
            Path(self._pidfile).unlink(missing_ok=True)


def _notify(state: str) -> None:
    """See sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
        sender.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
