"""A whole running Tenbin for a test: own ports, own runtime directory, nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from tenbin.clock import SystemClock
from tenbin.testing.client import Client, Response, fetch
from tenbin.testing.ports import Lease
from tenbin.testing.processes import Process, kill_until_none, processes_of
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from tenbin.testing.client import Address

_PLACE = re.compile(r"\{(listen[0-9]*|admin)\}")
_COMMAND = (sys.executable, "-m", "tenbin")

_CLOCK = SystemClock()
_PATIENCE = 2.0
"""Seconds in which a data plane that is well has said its figures."""
_BETWEEN = 0.01
"""Seconds between two questions for them."""


class Tenbin:
    """`tenbin run` on a configuration text in which `{listen}`, `{listen2}` ... stand for leased addresses.

    An `admin:` line is added unless the text has one. Entering the context starts it and waits until it is ready;
    leaving it kills the control plane and every data plane of its runtime directory, whatever state they are in.
    """

    def __init__(self, config: str, *, env: Mapping[str, str] | None = None, ready: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tenbin-test-"))
        self.runtime_directory = self.folder / "run"
        self.runtime_directory.mkdir(mode=0o700)
        self.file = self.folder / "tenbin.yaml"
        self.env = {**(env or {}), "TENBIN_RUNTIME_DIR": str(self.runtime_directory)}
        self.process: Process | None = None
        self._wait_ready = ready
        self._leases: list[Lease] = []
        self._ports: dict[str, int] = {}
        self.write(config)

    # Where it is -------------------------------------------------------------------------------------------------

    def address_of(self, place: str = "listen") -> Address:
        """Return the address that `{place}` became."""
        if place not in self._ports:
            lease = Lease(1)
            self._leases.append(lease)
            self._ports[place] = lease.ports[0]
        return ("127.0.0.1", self._ports[place])

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.address_of("listen")

    @property
    def url(self) -> str:
        """The listener as a URL."""
        return f"http://127.0.0.1:{self.address[1]}"

    @property
    def admin(self) -> Address:
        """Where the admin API listens."""
        return self.address_of("admin")

    @property
    def pid(self) -> int:
        """The control plane's process id."""
        assert self.process is not None  # noqa: S101 - a test's own mistake
        return self.process.pid

    def dataplane_pids(self) -> list[int]:
        """Return the ids of the data planes that run for this instance; one, but for moments."""
        return processes_of(self.runtime_directory, "tenbin-dataplane")

    @property
    def dataplane_pid(self) -> int:
        """The data plane's process id."""
        return wait_for(self.dataplane_pids, 5, "a data plane runs")[0]

    # What one can do with it -------------------------------------------------------------------------------------

    def write(self, config: str) -> None:
        """Write the configuration file, with addresses in the places."""
        text = _PLACE.sub(lambda match: f"127.0.0.1:{self.address_of(match[1])[1]}", config)
        if not re.search(r"(?m)^admin:", text):
            text += f'\nadmin: "127.0.0.1:{self.admin[1]}"\n'
        self.file.write_text(text)

    def start(self) -> None:
        """Start the control plane on the file and wait until it is ready."""
        self.process = Process("tenbin", (*_COMMAND, "run", str(self.file)), self.folder, self.env)
        if self._wait_ready:
            self.process.wait_ready(lambda: fetch(self.admin, "/readyz").status == 200)

    def cli(self, *arguments: str, deadline: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run `tenbin ARGUMENTS` for this instance and return how it ended."""
        return subprocess.run(  # noqa: S603 - the command is ours
            (*_COMMAND, *arguments),
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def run_cli(self, *arguments: str) -> str:
        """Run `tenbin ARGUMENTS`, which must succeed, and return what it printed."""
        done = self.cli(*arguments)
        assert done.returncode == 0, f"tenbin {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"  # noqa: S101
        return done.stdout

    def reload(self, config: str | None = None) -> subprocess.CompletedProcess[str]:
        """Write the configuration (None: leave it) and run `tenbin reload`."""
        if config is not None:
            self.write(config)
        return self.cli("reload")

    def get(self, target: str = "/api/whoami", *headers: tuple[str, str]) -> Response:
        """Send one GET on a connection of its own."""
        return fetch(self.address, target, *headers)

    def client(self, timeout: float = 10.0, source: str = "") -> Client:
        """Open a connection to the listener."""
        return Client(self.address, timeout, source)

    # What it says ------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what GET /api/v1/status says, with figures of now if the data plane gives them within 2 s.

        Asked over the operator's socket: whoever waits for something asks more often than one source may over TCP.
        """
        begin, nap = _CLOCK.now(), threading.Event()
        while True:
            asked = _CLOCK.now() - begin
            answer = fetch(self.runtime_directory / "admin.sock", "/api/v1/status")
            assert answer.status == 200, answer  # noqa: S101
            value: dict[str, Any] = answer.json()
            # Taken after `begin`, however long the answer took to come.
            if value["age"] < asked or asked > _PATIENCE:
                return value
            nap.wait(_BETWEEN)

    def server(self, name: str) -> dict[str, Any]:
        """Return one server of the status, named `backend/server`."""
        backend, _, server = name.partition("/")
        found: dict[str, Any] = _named(_named(self.status()["backends"], backend)["servers"], server)
        return found

    def wait_health(self, name: str, health: str, deadline: float = 10.0) -> None:
        """Wait until a server's health is `up`, `down` ..."""
        wait_for(
            lambda: self.server(name)["health"] == health, deadline, lambda: f"{name} {health}: {self.server(name)}"
        )

    def log(self) -> str:
        """Return all that `tenbin run` wrote since its last start."""
        return self.process.output() if self.process is not None else ""

    # Its end -----------------------------------------------------------------------------------------------------

    def stop(self, deadline: float = 40.0) -> int:
        """Ask for a graceful end with SIGTERM and return the exit status."""
        assert self.process is not None  # noqa: S101
        return self.process.terminate(deadline)

    def destroy(self) -> None:
        """Kill everything and remove its folder."""
        if self.process is not None:
            self.process.kill()
        kill_until_none(lambda: processes_of(self.runtime_directory, "tenbin"))
        for lease in self._leases:
            lease.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"tenbin wrote:\n{self.log()[-8000:]}")
        self.destroy()


def config_text(
    servers: Mapping[str, object],
    backend: Mapping[str, object] | None = None,
    frontend: Mapping[str, object] | None = None,
    **top: object,
) -> str:
    """Return a configuration with frontend `web` on `{listen}` and backend `app` of these servers.

    A server is a port of 127.0.0.1 or a mapping with `port` instead of `address`; the mappings are added as they are.
    """
    routes = [{"backend": "app"}]
    value = {
        "frontends": {"web": {"listen": ["{listen}"], "routes": routes, **(frontend or {})}},
        "backends": {"app": {**(backend or {}), "servers": {name: _server(value) for name, value in servers.items()}}},
        **top,
    }
    return yaml.safe_dump(value, sort_keys=False)


def _server(value: object) -> object:
    if isinstance(value, int):
        return f"127.0.0.1:{value}"
    if isinstance(value, dict) and "port" in value:
        rest = {key: entry for key, entry in value.items() if key != "port"}
        return {"address": f"127.0.0.1:{value['port']}", **rest}
    return value


def _named(values: Any, name: str) -> Any:
    """Find a named thing in a list of things with `name`, or in a mapping."""
    if isinstance(values, dict):
        return values[name]
    return next(value for value in values if value["name"] == name)
