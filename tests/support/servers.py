"""Demo servers by name, which can be killed and started again on the same port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from tenbin.testing import Lease, Process, lease, start_backend

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Servers:
    """Some demo servers; all end with the context."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._leases: list[Lease] = []
        self.ports: dict[str, int] = {}
        self.processes: dict[str, Process] = {}

    def start(self, name: str) -> int:
        """Start a server (again) and return its port."""
        port = self.port(name)
        self.processes[name] = start_backend(name, port, self._folder)
        return port

    def port(self, name: str) -> int:
        """Return a server's port, whether it runs or not."""
        if name not in self.ports:
            own = lease()
            self._leases.append(own)
            self.ports[name] = own.ports[0]
        return self.ports[name]

    def some(self, count: int) -> dict[str, int]:
        """Start server1 ... and return their ports by name."""
        return {f"server{i}": self.start(f"server{i}") for i in range(1, count + 1)}

    def first(self, count: int) -> dict[str, int]:
        """Return the ports of the first servers, which run already."""
        return dict(list(self.ports.items())[:count])

    def kill(self, name: str) -> None:
        """End a server as if its machine lost power."""
        self.processes[name].kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.kill()
        for own in self._leases:
            own.release()
