"""A disk of a few pages that fills at once, as a mounted tmpfs; for root, and `/dev/full` for everybody else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class SmallDisk:
    """A file system of `size` KiB in a folder of its own. `real` tells whether there is one: only then can it grow."""

    def __init__(self, folder: Path, size: int = 64) -> None:
        self._folder = folder / "disk"
        self._folder.mkdir(mode=0o755)
        self.real = os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", f"size={size}k", "none", self._folder)

    @property
    def file(self) -> Path:
        """Where a log is written."""
        return self._folder / "access.log" if self.real else Path("/dev/full")

    def text(self) -> str:
        """Return what was written."""
        return self.file.read_text() if self.real else ""

    def grow(self, size: int = 65_536) -> None:
        """Make room, up to so many KiB."""
        assert not self.real or _run("mount", "-o", f"remount,size={size}k", self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.real:
            _run("umount", "--lazy", self._folder)


def _run(*command: str | Path) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
