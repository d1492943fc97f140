"""F19, the other half: whoever reads the access log stops reading, and goes on after a while."""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from faults.scenarios.f19_full_disk import LONG, counts_exactly, dropped_by, torn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from faults.harness.outcome import Figures

PATIENCE = 3.0
"""Seconds that a client waits."""


def play(stage: Stage) -> Outcome:
    """Log into a FIFO that is open and not read, then read it all."""
    reader = Reader(stage.folder / "log")
    stage.stack.callback(reader.close)
    proxy = stage.start(Scene(stage.servers.some(2), log=str(reader.path)))
    with stage.traffic(proxy, replace(stage.mix(), target=LONG, timeout=PATIENCE)) as traffic:
        traffic.run_for(stage.pick(2, 12))
        stalled = len(reader.text())
        traffic.run_for(stage.pick(0.5, 3))
        summary = traffic.stop()
    exact = counts_exactly(proxy, reader.text)
    text = reader.text()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("no stall", figures.gap < 1000),
            Goal("lines and drops together are the requests", exact),
            Goal("no line stays torn", not torn(proxy, text)),
            Goal("it writes again when somebody reads", len(text) > stalled),
        )

    dropped = dropped_by(proxy, len(summary.records) - text.count("\n"))
    extra = {"lines read": text.count("\n"), "lines dropped": dropped, "torn lines": torn(proxy, text)}
    return stage.outcome(proxy, summary, goals, extra)


class Reader:
    """The reading end of a FIFO that holds one page; reads only when it is asked for the text."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        # Started by root, nginx works as another user.
        path.chmod(0o666)
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, 4096)
        self._data = b""

    def text(self) -> str:
        """Return all that came so far."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, 65536):
                self._data += data
        return self._data.decode()

    def close(self) -> None:
        """Read no more."""
        os.close(self._descriptor)


SCENARIO = Scenario(
    id="F19b",
    title="the log's reader has stopped",
    injected="an access log into a FIFO that nobody reads for 12 s",
    target="0 failed, no stall, drops counted exactly, written again when it is read",
    play=play,
    columns=("lines read", "lines dropped", "torn lines"),
    contestants=("tenbin", "nginx"),
)
