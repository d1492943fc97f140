"""The launcher of real data planes: the program, and the paths at which its control sockets are.

Owns the names in the runtime directory. A successor is started beside the one that runs and takes over its name with
a rename, so that at every moment a control plane that starts finds a data plane with the sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.dataplane import binary
from tenbin.dataplane.process import ProcessDataplane, attach, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tenbin.clock import Clock
    from tenbin.model import Identity

CONTROL = "dataplane.sock"


class Program:
    """See `port.Launcher`; the program is looked for at every start, so that an upgrade finds the new one."""

    def __init__(self, directory: Path, environment: Mapping[str, str], clock: Clock) -> None:
        self._path = directory / CONTROL
        self._next = directory / f"{CONTROL}.next"
        self._environment = environment
        self._clock = clock
        self.user: Identity | None = None
        """Whom the next one runs as."""
        self.leash = False
        """Whether the next one ends with this process, rather than serve on."""

    async def attach(self) -> ProcessDataplane | None:
        """Take control of the data plane of an earlier control plane, if one runs."""
        return await attach(self._path, self._clock)

    async def spawn(self) -> ProcessDataplane:
        """Start the program."""
        return await spawn(binary.find(self._environment), self._path, self._clock, self.user, leash=self.leash)

    async def spawn_successor(self) -> ProcessDataplane:
        """Start the program beside the one that runs."""
        return await spawn(binary.find(self._environment), self._next, self._clock, self.user, leash=self.leash)

    def promote(self) -> None:
        """Give the successor the name under which control planes look."""
        self._next.replace(self._path)

    def clean(self) -> None:
        """Remove the names, once nothing runs any more."""
        self._path.unlink(missing_ok=True)
        self._next.unlink(missing_ok=True)
