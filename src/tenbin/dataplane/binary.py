"""Where the data plane's program is.

Owns the order of the places: TENBIN_DATAPLANE, beside this Python's own programs (where pip puts it), PATH.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.errors import DataplaneError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "tenbin-dataplane"
VARIABLE = "TENBIN_DATAPLANE"


def find(environment: Mapping[str, str]) -> Path:
    """Return the program's path; `DataplaneError` when there is none, naming where it was looked for."""
    named = environment.get(VARIABLE)
    if named:
        if not _usable(Path(named)):
            raise DataplaneError(f"{VARIABLE}={named} is not a program", hint="unset it, or name the built binary")
        return Path(named)
    # sys.executable is not resolved: in a virtual environment the link's own directory is the one that counts.
    beside = [Path(sys.executable).parent / NAME, Path(sysconfig.get_path("scripts")) / NAME]
    for place in beside:
        if _usable(place):
            return place
    found = shutil.which(NAME, path=environment.get("PATH"))
    if found:
        return Path(found)
    raise DataplaneError(
        f"the program {NAME} is not installed: looked beside {sys.executable} and in PATH",
        hint=f"install Tenbin with pip, or set {VARIABLE} to the built binary",
    )


def _usable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
