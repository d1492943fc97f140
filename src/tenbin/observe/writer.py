"""Writes lines to a stream without ever making the caller wait.

Owns a bounded queue and the thread behind it: a reader that stops (a full pipe, a stopped terminal) must not stop
health checks, so lines that find the queue full are dropped and counted, and the count is written once there is room.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE = 10_000


class LineWriter:
    """A thread that writes; `line` may be called from any thread.

    `lost` words the line that tells how many were dropped; the thread calls it.
    """

    def __init__(self, stream: TextIO, lost: Callable[[int], str], *, queue: int = QUEUE) -> None:
        self._stream = stream
        self._lost = lost
        self._queue = queue
        self._lines: deque[str] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._unreported = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="tenbin-journal", daemon=True)
        self._thread.start()

    def line(self, text: str) -> None:
        """Queue one line (without its end) or drop it; an empty one is none."""
        if not text:
            return
        with self._changed:
            if self._closing or len(self._lines) >= self._queue:
                self.dropped += 1
                self._unreported += 1
                return
            self._lines.append(text)
            self._changed.notify()

    def close(self, timeout: float) -> None:
        """Write what is queued, for at most `timeout` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._closing)
                if not self._lines:
                    return
                batch = "".join(f"{line}\n" for line in self._lines)
                lost, self._unreported = self._unreported, 0
                self._lines.clear()
            if lost:
                batch += f"{self._lost(lost)}\n"
            with suppress(OSError, ValueError):  # a reader that went away, a stream that was closed
                self._stream.write(batch)
                self._stream.flush()
