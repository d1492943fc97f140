"""The files that the house's rules are about: what git tracks, or would track."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files of the repository, new ones too, without what is ignored."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def sources(suffix: str, *folders: str) -> list[Path]:
    """Return the tracked files with this suffix below these folders (anywhere without any)."""
    roots = tuple(ROOT / folder for folder in folders) or (ROOT,)
    return [path for path in tracked() if path.suffix == suffix and any(path.is_relative_to(root) for root in roots)]


def name(path: Path) -> str:
    """Return the path as a person in the clone would write it."""
    return path.relative_to(ROOT).as_posix()
