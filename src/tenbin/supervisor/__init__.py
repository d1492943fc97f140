"""The composition root: makes an instance of all the parts, runs it, and ends it in good order."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tenbin.supervisor.manner import Manner
from tenbin.supervisor.runtime import RuntimeDirectory, choose

if TYPE_CHECKING:
    import signal
    from pathlib import Path

    from tenbin.supervisor.source import Source

__all__ = ["RuntimeDirectory", "choose", "run"]


def run(
    source: Source, *, runtime_directory: Path | None = None, manner: Manner | None = None
) -> signal.Signals | None:
    """Run Tenbin on a configuration until it is told to stop; raises `TenbinError` when it cannot begin.

    `runtime_directory` goes before the configuration's and the environment's. Returns the signal that ended it, if one
    did.
    """
    from tenbin.clock import SystemClock
    from tenbin.dataplane.program import Program
    from tenbin.observe.journal import Journal
    from tenbin.supervisor.instance import Instance, Site

    loaded = source.load()
    config = loaded.config
    directory = choose(runtime_directory or config.runtime_directory, os.environ)
    directory.prepare()
    lock = directory.lock()
    _lift_limits()
    clock = SystemClock()
    manner = manner or Manner()
    made = manner.journal
    journal = made(clock) if made is not None else Journal(clock, sys.stdout, config.access_log.format)
    try:
        program = Program(directory.path, os.environ, clock)
        program.leash = manner.leash
        site = Site(directory, clock, journal, program, sys.stdout.isatty(), manner)
        instance = Instance(site, source, loaded)
        asyncio.run(instance.run())
    finally:
        journal.close()
        lock.release()
    return instance.ended_by


def _lift_limits() -> None:
    """Let the data plane, which inherits them, have as many descriptors as the system grants."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
