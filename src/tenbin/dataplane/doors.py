"""What stands between the control socket and other users of the machine, and what a data plane gets to know at birth.

Owns the checks of a socket that is already there and of the process behind it, and the environment that is handed
down: secrets that a configuration takes from variables are not the data plane's to have.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.errors import DataplaneError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CREDENTIALS = struct.Struct("3i")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_HANDED_DOWN = re.compile(
    r"PATH|HOME|TMPDIR|TZ|LANG|LC_\w+|LD_\w+|RUST_\w+|LLVM_PROFILE_FILE|\w+SAN_OPTIONS|FAKETIME\w*|MALLOC_\w+"
    r"|GLIBC_TUNABLES|TENBIN_RUNTIME_DIR|TENBIN_DATAPLANE"
)

_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "16384"}
"""Buffers are pages of their own: those that a rush took go back to the system (mallopt(3)), and what of a buffer was
never used costs nothing. What the operator sets goes before it."""


def peer(sock: socket.socket) -> tuple[int, int]:
    """Return process and user at the other end of a unix socket."""
    pid, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return pid, uid


def check_socket(path: Path) -> None:
    """Refuse a control socket that somebody else can have made; `FileNotFoundError` when there is none."""
    for place, what in ((path.parent, "directory"), (path, "control socket")):
        found = place.stat() if place is path.parent else place.lstat()
        if found.st_uid not in (0, os.geteuid()):
            raise _refusal(f"the {what} {place} belongs to another user ({found.st_uid})")
        if found.st_mode & _WRITABLE_BY_OTHERS:
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise _refusal(f"the {what} {place} can be written by others than its owner (mode {mode})")


def check_peer(sock: socket.socket, path: Path) -> int:
    """Return the process behind a control socket; refuse one of another user."""
    pid, uid = peer(sock)
    if uid not in (0, os.geteuid()):
        raise _refusal(f"at {path} answers process {pid} of another user ({uid})")
    return pid


def user_of(pid: int) -> int | None:
    """Return the user that a process runs as; None when it is gone."""
    try:
        found = re.search(r"^Uid:\s+\d+\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return what of our environment a data plane gets."""
    return {**_GIVEN_BACK, **{name: value for name, value in own.items() if _HANDED_DOWN.fullmatch(name)}}


def _refusal(what: str) -> DataplaneError:
    hint = "find out who put it there; if it was you, remove it and start Tenbin again"
    return DataplaneError(what, hint=hint)
