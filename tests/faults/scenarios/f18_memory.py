"""F18: a control group has a little more memory than a crowd needs, or less: nobody is killed for it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


MEBIBYTE = 1 << 20
GROUPS = Path("/sys/fs/cgroup/memory")
HALF_A_BODY = "POST /api/fast HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
PLENTY = 4096 * MEBIBYTE


class Group:
    """A control group of version 1 with so many bytes, and processes in it."""

    def __init__(self, pids: Sequence[int], limit: int) -> None:
        self.folder = GROUPS / f"tenbin-test-{os.getpid()}-{pids[0]}"
        self.folder.mkdir()
        # What they have already moves with them.
        self._write("memory.move_charge_at_immigrate", 3)
        self._write("memory.limit_in_bytes", limit)
        for pid in pids:
            self._write("cgroup.procs", pid)

    @property
    def most(self) -> int:
        """The bytes that were in use at most."""
        return int((self.folder / "memory.max_usage_in_bytes").read_text())

    @property
    def kills(self) -> int:
        """How many processes the system has ended in it."""
        lines = (self.folder / "memory.oom_control").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def close(self) -> None:
        """Let everybody out and remove it."""
        for pid in (self.folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (GROUPS / "cgroup.procs").write_text(pid)
        wait_for(lambda: self.folder.rmdir() or True, 5, "nobody is in the group")

    def _write(self, name: str, value: int) -> None:
        (self.folder / name).write_text(str(value))


@contextlib.contextmanager
def group(pids: Sequence[int], limit: int) -> Iterator[Group]:
    """Put processes into a control group of their own."""
    made = Group(pids, limit)
    try:
        yield made
    finally:
        made.close()


def missing() -> str:
    """Why there are no control groups here, "" when there are."""
    folder = GROUPS / f"tenbin-test-{os.getpid()}"
    try:
        folder.mkdir()
        folder.rmdir()
    except OSError as error:
        return f"this machine lets no memory control group be made: {error.strerror}"
    return ""
