"""The runtime directory: which one it is, that it is private, and that one control plane at most owns it.

Owns the names of the files in it and the lock. What is written into them is others' business.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.errors import AlreadyRunningError, TenbinError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "TENBIN_RUNTIME_DIR"
_LONGEST_SOCKET = 107
"""Bytes of a unix socket's path that the kernel takes."""


@dataclass(frozen=True, slots=True)
class RuntimeDirectory:
    """Where an instance keeps its sockets and its state."""

    path: Path

    @property
    def admin_socket(self) -> Path:
        """The admin API's unix socket."""
        return self.path / "admin.sock"

    @property
    def state_file(self) -> Path:
        """The operator's overrides."""
        return self.path / "state.json"

    @property
    def outage_file(self) -> Path:
        """Outages counted with the data plane that runs."""
        return self.path / "outages.json"

    @property
    def secret_file(self) -> Path:
        """What signs sticky cookies."""
        return self.path / "secret"

    @property
    def lock_file(self) -> Path:
        """Held by the control plane; its content is that one's process id."""
        return self.path / "lock"

    def prepare(self) -> None:
        """Make it, readable by its owner alone; raises `TenbinError` when it cannot be used."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.path.stat()
        except OSError as error:
            raise TenbinError(
                f"the runtime directory {self.path} cannot be made: {error.strerror}", hint=_HINT
            ) from error
        if found.st_uid != os.geteuid():
            raise TenbinError(f"the runtime directory {self.path} belongs to another user", hint=_HINT)
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            # What is in it can be anybody's: a secret that others know, a socket that others serve.
            mode = f"{stat.S_IMODE(found.st_mode):04o}"
            raise TenbinError(
                f"the runtime directory {self.path} can be written by others than its owner (mode {mode})",
                hint=f"if all that is in it is yours: chmod 700 {self.path}",
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            # Who may open these sockets may steer the balancer.
            self.path.chmod(0o700)
        longest = os.fsencode(self.path / "dataplane.sock.next")
        if len(longest) > _LONGEST_SOCKET:
            raise TenbinError(f"the runtime directory {self.path} has too long a path for sockets in it", hint=_HINT)

    def lock(self) -> Lock:
        """Own the directory until the lock is released; `AlreadyRunningError` while somebody else does."""
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise AlreadyRunningError(
                f"Tenbin runs already in {self.path} (process {owner or 'unknown'})",
                hint=f"`tenbin reload` applies a changed file; a second instance needs another {VARIABLE}",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return Lock(descriptor)

    def owner(self) -> int | None:
        """Return the process id of the control plane that owns it; None when none does."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            with suppress(ValueError):
                return int(os.read(descriptor, 32))
        finally:
            os.close(descriptor)
        return None


class Lock:
    """Ownership of a runtime directory; it ends with the process at the latest."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give it up."""
        os.close(self._descriptor)


def choose(named: Path | None, environment: Mapping[str, str]) -> RuntimeDirectory:
    """Return the directory that is named, or TENBIN_RUNTIME_DIR, or the one that fits this user.

    Root has /run/tenbin; others have it too when it was made for them, else $XDG_RUNTIME_DIR/tenbin, and without a
    session a directory of their own in /tmp.
    """
    if named is not None:
        return RuntimeDirectory(named.absolute())
    variable = environment.get(VARIABLE)
    if variable:
        return RuntimeDirectory(Path(variable).absolute())
    system = Path("/run/tenbin")
    if os.access(system, os.W_OK) or (os.geteuid() == 0 and os.access(system.parent, os.W_OK)):
        return RuntimeDirectory(system)
    session = environment.get("XDG_RUNTIME_DIR")
    if session:
        return RuntimeDirectory(Path(session) / "tenbin")
    return RuntimeDirectory(Path("/tmp") / f"tenbin-{os.geteuid()}")  # noqa: S108 - prepare() refuses another's


_HINT = f"set {VARIABLE} to a directory of yours, or `runtime_directory` in the file"
