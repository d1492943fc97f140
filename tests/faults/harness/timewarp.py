"""Clocks that jump: programs started under libfaketime read a date that a file moves, while they run.

Monotonic time stays what it is, as it does when somebody sets a machine's date.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = ("libfaketime.so.1", "libfaketimeMT.so.1")
_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


@cache
def library() -> str:
    """Return where the library is, "" when it is not installed."""
    for folder in _FOLDERS:
        for name in _NAMES:
            for path in (Path(folder) / "faketime" / name, *Path(folder).glob(f"*/faketime/{name}")):
                if path.exists():
                    return str(path)
    return ""


def missing() -> str:
    """Why this machine cannot do it, "" when it can."""
    return "" if library() else "no libfaketime (Debian: faketime)"


class Warp:
    """A clock for the programs that are started within `begun`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "date"
        self.jump(0)
        # Started by root, nginx works as another user.
        self._file.chmod(0o644)

    def jump(self, seconds: int) -> None:
        """Set the date to so many seconds from the right one; replaced at once, so that nobody reads half of it."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Programs that are started in here see this clock, to their end."""
        settings = {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "1",
            "NO_FAKE_STAT": "1",
        }
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
