"""A program of ours in a process of its own, so that what it costs is not on the account of what is measured.

It is told what to do by lines on its input and answers each with a line of JSON. `python -m MODULE JSON` starts it; the
end of its input ends it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

CLOCK = SystemClock()
_TESTS = str(Path(__file__).parents[1])


class Apart:
    """A running one."""

    def __init__(self, module: str, **arguments: object) -> None:
        paths = os.pathsep.join((_TESTS, os.environ.get("PYTHONPATH", "")))
        self._process = subprocess.Popen(
            (sys.executable, "-m", module, json.dumps(arguments)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self._data = b""

    def tell(self, word: str) -> None:
        """Have it do something; it may have ended already."""
        assert self._process.stdin
        try:
            self._process.stdin.write(word.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def has_answered(self, seconds: float = 0.0) -> bool:
        """Whether there is an answer to hear, now or within so many seconds."""
        assert self._process.stdout
        end = CLOCK.now() + seconds
        while b"\n" not in self._data:
            ready, _, _ = select.select((self._process.stdout,), (), (), max(0.0, end - CLOCK.now()))
            if not ready:
                return False
            more = os.read(self._process.stdout.fileno(), 1 << 20)
            if not more:
                raise AssertionError(f"{self._process.args!r} ended with {self._process.wait()}")
            self._data += more
        return True

    def hear(self, deadline: float = 30.0) -> Any:
        """Wait for its next answer."""
        assert self.has_answered(deadline), f"{self._process.args!r} said nothing within {deadline} s"
        line, _, self._data = self._data.partition(b"\n")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def arguments() -> dict[str, Any]:
    """Return what the program was started with."""
    found: dict[str, Any] = json.loads(sys.argv[1])
    return found


def answer(value: object) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def listen(idle: Callable[[], object] | None = None) -> str:
    """Return the next word, "" at the end; `idle` is called again and again until there is one."""
    while idle is not None and not select.select((sys.stdin,), (), (), 0)[0]:
        idle()
    return sys.stdin.readline().strip()
