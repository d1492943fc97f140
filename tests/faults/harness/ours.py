"""Tenbin as a contestant: control plane, data plane, changes over the admin API, reloads with the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from faults.harness.scene import Admin, Scene, Told
from support.operator import ADMIN, change
from support.operator import reload as reload_by_api
from tenbin.testing import Tenbin

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tenbin.testing.client import Address


class Ours:
    """A whole Tenbin; its defaults stand wherever a scene says nothing."""

    name = "tenbin"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.tenbin = Tenbin(self.text(scene))

    @property
    def file(self) -> Path:
        """Its configuration file."""
        return self.tenbin.file

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.tenbin.address

    def pids(self) -> list[int]:
        """The control plane and the data planes."""
        return [self.tenbin.pid, *self.tenbin.dataplane_pids()]

    def reload(self, scene: Scene) -> Told:
        """Reload over the API."""
        self.scene = scene
        answer = reload_by_api(self.tenbin, self.text(scene))
        return Told(0 if answer.status == 200 else 1, answer.body.decode())

    def write(self, text: str) -> None:
        """Write the file, with addresses in its places."""
        self.tenbin.write(text)

    def reload_file(self) -> Told:
        """Run `tenbin reload`."""
        done = self.tenbin.reload()
        return Told(done.returncode, done.stdout + done.stderr)

    def text(self, scene: Scene) -> str:
        """Return the file; `{listen}` and `{admin}` become addresses when it is written."""
        check = {
            "http": "GET /health",
            "every": f"{round(scene.every * 1000)}ms",
            "timeout": f"{round(scene.every * 500)}ms",
            "fall": scene.fall,
            "rise": scene.rise,
        }
        servers = {
            name: {"address": f"127.0.0.1:{port}", "weight": scene.weights.get(name, 1)}
            for name, port in scene.servers.items()
        }
        listen: list[object] = ["{listen}", *(f"127.0.0.1:{port}" for port in scene.listen)]
        if scene.framed:
            listen.append(f"127.0.0.1:{scene.framed}")
        if scene.secure:
            listen.append({"address": f"127.0.0.1:{scene.secure}", "tls": scene.certificate})
        backend = {"balance": "round_robin", "check": check, "servers": servers, **scene.backend}
        times = {
            "connect": scene.connect,
            "server": scene.answer,
            "header": scene.head,
            "client": scene.client,
            "keep_alive": scene.idle,
            **({"handshake": scene.head} if scene.secure else {}),
        }
        value = {
            "admin": ADMIN,
            "threads": 2,
            "timeouts": {name: f"{seconds:g}s" for name, seconds in times.items()},
            "frontends": {"web": {"listen": listen, **_frontend(scene)}},
            "backends": {"app": backend},
            **({"log": {"access": scene.log, "format": "json"}} if scene.log else {}),
            **scene.more,
        }
        return yaml.safe_dump(value, sort_keys=False)

    def set(self, server: str, admin: Admin) -> None:
        """Change the admin state over the API."""
        change(self.tenbin, f"app/{server}", admin=admin)

    def weigh(self, server: str, weight: int) -> None:
        """Change the weight over the API."""
        change(self.tenbin, f"app/{server}", weight=weight)

    def health(self, server: str) -> str:
        """Return what the status says."""
        return str(self.tenbin.server(f"app/{server}")["health"])

    def __enter__(self) -> Self:
        self.tenbin.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tenbin.__exit__(kind, error, trace)


def _frontend(scene: Scene) -> dict[str, object]:
    big: list[object] = [{"prefix": "/big", "backends": [f"127.0.0.1:{scene.big}"]}] if scene.big else []
    source: dict[str, object] = {}
    if scene.source_connections:
        source["connections"] = scene.source_connections
    if scene.source_requests:
        source["requests"] = f"{scene.source_requests}/1m"
    limits = {"limits": {"per_source": source}} if source else {}
    return {"routes": [*big, {"backend": "app"}], **limits}
