"""Checks a configuration, or serves by it, as HAProxy does when it is started."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.cli.haproxy.herald import Herald
from tenbin.cli.haproxy.source import Files, UnusableError
from tenbin.cli.haproxy.words import Words
from tenbin.configfile.haproxy import About, ConditionError, holds, version_of
from tenbin.errors import BindError, TenbinError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenbin.cli.haproxy.arguments import Arguments
    from tenbin.model import Config, RuntimeSocket
    from tenbin.supervisor.source import Loaded

_ALWAYS_SAYS_VALID = (2, 8)
"""From this version on, that a configuration is valid is said in verbose mode only."""
_NO_LISTENER = 2


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
    if not arguments.check:
        # What is meant for a process that serves must not end one that is about to.
        for early in (signal.SIGHUP, signal.SIGUSR2):
            signal.signal(early, signal.SIG_IGN)
    source = Files(arguments)
    try:
        masters = source.masters()
        loaded = source.load()
    except UnusableError as error:
        words.lines(error.rendered)
        if error.fatal:
            words.say("error", "config : Fatal errors found in configuration.")
        return 1
    words.lines(source.warnings)
    if source.warnings and arguments.zero_warning:
        words.say("error", "config : Some warnings were found and 'zero-warning' is set. Aborting.")
        return 1
    if arguments.check:
        return _checked(arguments, loaded.config, doubtful=bool(source.warnings))
    if not _listens(loaded.config):
        words.say("error", "[haproxy.main()] No enabled listener found (check for 'bind' directives) ! Exiting.")
        return 1
    return _serve(arguments, source, loaded, masters, words)


def _evaluate(condition: str, words: Words) -> int:
    try:
        return 0 if holds(condition, About(os.environ, version_of(os.environ))) else 1
    except ConditionError as error:
        words.say("error", f"config : Failed to evaluate condition: {error.message}")
        return 2


def _checked(arguments: Arguments, config: Config, *, doubtful: bool) -> int:
    told = not arguments.quiet
    if not _listens(config):
        if told:
            sys.stdout.write("Configuration file has no error but will not start (no listener) => exit(2).\n")
        return _NO_LISTENER
    if told and (arguments.verbose or version_of(os.environ) < _ALWAYS_SAYS_VALID):
        sys.stdout.write("Warnings were found.\n" if doubtful else "")
        sys.stdout.write("Configuration file is valid\n")
    return 0


def _listens(config: Config) -> bool:
    """Tell whether anybody can reach it: a `stats socket` alone will do, as in HAProxy."""
    return any(frontend.listeners for frontend in config.frontends) or bool(config.compat and config.compat.sockets)


def _serve(
    arguments: Arguments, source: Files, loaded: Loaded, masters: tuple[RuntimeSocket, ...], words: Words
) -> int:
    compat = loaded.config.compat
    daemon = (arguments.daemon or bool(compat and compat.daemon)) and not arguments.foreground
    pidfile = str(arguments.pidfile or (compat.pidfile if compat else ""))
    herald = Herald(arguments, words, daemon=daemon, pidfile=pidfile)
    _name_sockets("HAPROXY_CLI", compat.sockets if compat else ())
    _name_sockets("HAPROXY_MASTER_CLI", masters)
    if herald.leave():
        return herald.await_child()
    directory = Path(tempfile.mkdtemp(prefix="tenbin-haproxy-"))
    try:
        return _run(arguments, (source, masters), herald, words, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        herald.withdraw()


def _run(
    arguments: Arguments,
    read: tuple[Files, tuple[RuntimeSocket, ...]],
    herald: Herald,
    words: Words,
    directory: Path,
) -> int:
    from tenbin import supervisor
    from tenbin.cli.haproxy.journal import quiet_journal
    from tenbin.supervisor.manner import Manner, Meaning

    source, masters = read
    reload = Meaning.RELOAD if arguments.master else Meaning.NOTHING
    manner = Manner(
        meanings={
            signal.SIGTERM: Meaning.STOP,
            signal.SIGINT: Meaning.STOP,
            signal.SIGUSR1: Meaning.DRAIN,
            signal.SIGUSR2: reload,
            signal.SIGHUP: reload,
            signal.SIGTTOU: Meaning.NOTHING,
            signal.SIGTTIN: Meaning.NOTHING,
        },
        journal=lambda clock: quiet_journal(clock, words),
        ready=herald.announce,
        masters=masters,
        admin=False,
        leash=True,
        # Without its port to itself, a new process can take over from an old one, and does not ask which one that is.
        exclusive="R" in arguments.debug,
        predecessor=arguments.predecessor,
    )
    try:
        ended_by = supervisor.run(source, runtime_directory=directory, manner=manner)
    except BindError as error:
        for line in _unbound(error):
            words.say("error", line)
        return 1
    except TenbinError as error:
        words.say("error", error.message)
        return 1
    return 130 if ended_by is signal.SIGINT and arguments.master else 0


def _unbound(error: BindError) -> Iterable[str]:
    for one in error.failures:
        place = ":".join(one.position.split(":")[:2])
        yield f"Binding [{place}] for frontend {one.frontend}: cannot bind socket ({one.reason}) for [{one.address}]"
    yield "[haproxy.main()] Some protocols failed to start their listeners! Exiting."


def _name_sockets(variable: str, sockets: Iterable[RuntimeSocket]) -> None:
    """Tell programs that are started where the runtime API is, as HAProxy does."""
    named = ";".join(f"unix@{one.address}" if str(one.address).startswith("/") else str(one.address) for one in sockets)
    if named:
        os.environ[variable] = named
