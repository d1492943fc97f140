"""The demo's processes: three servers and a Tenbin in a temporary folder, started together and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tenbin.clock import SystemClock
from tenbin.demo.traffic import AnswerError, get

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import TracebackType

SERVERS = ("server1", "server2", "server3")

_CONFIG = """\
# What `tenbin demo` runs.
frontends:
  web:
    listen: {listen}
    routes:
{secured}      - backend: app
backends:
  app:
    balance: round_robin
    check: {{http: GET /health, expect: 200, every: 500ms, fall: 2, rise: 2}}
    servers:
{servers}
admin: "127.0.0.1:{admin}"
log: none
"""


_SECURE = """\
      - when: not tls
        redirect: {{location: "https://localhost:{secure}{{url}}"}}
      - request: {{set_header: {{X-TLS-Version: "TLSv{{tls.version}}"}}}}
"""


class StageError(Exception):
    """The stage cannot be set; the text is for a person."""


class Stage:
    """Entering starts everything and waits until it answers; leaving kills everything and removes the folder.

    With a port `secure`, that one serves HTTPS with a certificate of its own, and `port` sends clients there.
    """

    def __init__(self, port: int, admin: int, secure: int | None = None) -> None:
        self.port = port
        self.admin = admin
        self.secure = secure
        self._clock = SystemClock()
        self._folder = Path(tempfile.mkdtemp(prefix="tenbin-demo-"))
        self._log = self._folder / "log"
        self._ports: dict[str, int] = {}
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._reasons: dict[str, str] = {}

    @property
    def runtime_directory(self) -> Path:
        """Where `tenbin` commands find this Tenbin."""
        return self._folder / "run"

    @property
    def certificate(self) -> Path:
        """The certificate for localhost, which signs itself, with its key."""
        return self._folder / "localhost.pem"

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"https://localhost:{self.secure}" if self.secure else f"http://127.0.0.1:{self.port}"

    def trusting(self) -> ssl.SSLContext | None:
        """What a client needs that trusts the certificate; None without one."""
        return ssl.create_default_context(cafile=self.certificate) if self.secure else None

    async def start(self, server: str) -> None:
        """Start one server (again), on its port."""
        port = self._ports[server]
        process = await self._spawn("backend", "--name", server, "--port", str(port))
        self._running[server] = process

        async def answers() -> bool:
            status, body, _ = await get(port, "/api/whoami")
            # Another program may have taken the port in the meantime, and even be a demo's server.
            return status == 200 and json.loads(body)["pid"] == process.pid

        await self._ready(server, answers)

    def kill(self, server: str) -> None:
        """End one server as if its machine lost power."""
        with contextlib.suppress(ProcessLookupError):
            self._running[server].kill()

    async def tenbin(self, *arguments: str) -> str:
        """Run a `tenbin` command against this Tenbin and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *arguments,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise StageError(f"tenbin {' '.join(arguments)}: {output.decode(errors='replace')}")
        return output.decode()

    async def health(self, server: str) -> str:
        """Return a server's health as the status tells it, and remember its reason."""
        status, body, _ = await get(self.admin, "/api/v1/status")
        if status != 200:
            raise StageError(f"the status answers {status}")
        for entry in json.loads(body)["backends"][0]["servers"]:
            if entry["name"] == server:
                check = entry.get("check") or {}
                found = " ".join(str(check[key]) for key in ("status", "text") if check.get(key))
                self._reasons[server] = entry.get("reason") or found
                return str(entry["health"])
        raise StageError(f"the status does not know {server}")

    def reason(self, server: str) -> str:
        """Return why a server is in the state that was seen last."""
        return self._reasons.get(server, "")

    async def __aenter__(self) -> Self:
        try:
            await self._set()
        except BaseException:
            await self._strike()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._strike()

    async def _set(self) -> None:
        for port, what in ((self.port, "--port"), (self.admin, "--admin"), (self.secure, "--tls-port")):
            if port and not _free(port):
                raise StageError(f"port {port} on 127.0.0.1 is taken; choose another one with {what}")
        candidates = iter(range(3001, 4001))
        await asyncio.gather(*(self._start_somewhere(name, candidates) for name in SERVERS))
        self.runtime_directory.mkdir(mode=0o700)
        if self.secure:
            await self.tenbin("cert", "self-signed", "localhost", "127.0.0.1", "--out", str(self._folder))
        file = self._folder / "tenbin.yaml"
        file.write_text(self._config())
        self._running["tenbin"] = await self._spawn("run", str(file))

        async def is_ready() -> bool:
            return (await get(self.admin, "/readyz"))[0] == 200

        await self._ready("tenbin", is_ready)
        for name in SERVERS:
            await self._checked(name)

    def _config(self) -> str:
        servers = "\n".join(f'      {name}: "127.0.0.1:{port}"' for name, port in self._ports.items())
        listen, secured = f'"127.0.0.1:{self.port}"', ""
        if self.secure:
            listen = f'[{listen}, {{address: "127.0.0.1:{self.secure}", tls: {self.certificate.name}}}]'
            secured = _SECURE.format(secure=self.secure)
        return _CONFIG.format(listen=listen, secured=secured, admin=self.admin, servers=servers)

    async def _start_somewhere(self, server: str, candidates: Iterator[int]) -> None:
        """Start a server for the first time, on the first of these ports that it gets."""
        for port in candidates:
            if not _free(port):
                continue
            self._ports[server] = port
            try:
                await self.start(server)
            except StageError:
                if _free(port):
                    raise
            else:
                return
        raise StageError("there is no free port from 3001 to 4000 for the demo's servers")

    async def _checked(self, server: str) -> None:
        for _ in range(200):
            if await self.health(server) == "up":
                return
            await self._clock.sleep(0.05)
        raise StageError(f"{server} is not seen up: {self.reason(server)}")

    async def _spawn(self, *arguments: str) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *_COMMAND,
                *arguments,
                env=self._environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C reaches the demo alone, which ends everything else itself.
                start_new_session=True,
            )

    async def _ready(self, name: str, answers: Callable[[], Awaitable[bool]]) -> None:
        process = self._running[name]
        for _ in range(300):
            if process.returncode is not None:
                raise StageError(f"{name} did not start:\n{self._log.read_text(errors='replace')[-4000:]}")
            with contextlib.suppress(AnswerError):
                if await answers():
                    return
            await self._clock.sleep(0.05)
        raise StageError(f"{name} does not answer:\n{self._log.read_text(errors='replace')[-4000:]}")

    async def _strike(self) -> None:
        """End Tenbin first, quickly but in order, so that its data plane goes with it; then whatever is left."""
        tenbin = self._running.pop("tenbin", None)
        if tenbin is not None and tenbin.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                tenbin.send_signal(signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(tenbin.wait()), 3)
        left = [*self._running.values(), *([tenbin] if tenbin else [])]
        for process in left:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        for process in left:
            await process.wait()
        for pid in _using(self._folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "TENBIN_RUNTIME_DIR": str(self.runtime_directory)}


_COMMAND = (sys.executable, "-m", "tenbin")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _using(folder: Path) -> list[int]:
    """The ids of processes whose command names a path in the folder: a data plane that was left."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(folder) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
