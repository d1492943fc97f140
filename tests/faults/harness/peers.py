"""HAProxy and nginx as contestants, each configured as well as its manual teaches for the fault at hand.

Both may repeat a request that is safe to repeat on another server, as Tenbin does; HAProxy closes idle connections of
a reloaded worker only with an answer. nginx has no checks of its own: it leaves out a server that failed it, as often
and as long as checks would.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from faults.harness.scene import Admin, Scene, Told, family
from support.reference import HAPROXY, NGINX
from tenbin.testing import Lease, Process, wait_for

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tenbin.testing.client import Address

_HAPROXY = """\
global
    maxconn {clients}
    no strict-limits
    nbthread 2
    stats socket {folder}/socket mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout connect {connect}ms
    timeout client {client}ms
    timeout server {answer}ms
    timeout http-request {head}ms
    timeout http-keep-alive {idle}ms
    timeout tunnel 1h
    timeout check {patience}ms
    option redispatch 1
    option idle-close-on-response
    retries 1
    retry-on conn-failure empty-response response-timeout
frontend web
    bind 127.0.0.1:{port}
{also}
{limits}
    default_backend app
backend app
    balance roundrobin
    http-request disable-l7-retry unless METH_GET
    option httpchk GET /health
    default-server check inter {every}ms fall {fall} rise {rise}
{servers}
{big}
"""
_NGINX = """\
daemon off;
worker_processes 2;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections {clients}; }}
http {{
    access_log {log};
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    keepalive_timeout {idle}ms;
    client_header_timeout {head}ms; client_body_timeout {client}ms; send_timeout {client}ms;
    {zones}
    client_max_body_size 0;
    upstream app {{
        {servers}
        keepalive 16;
    }}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        {also}
        {limits}
        {big}
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Upgrade $http_upgrade;
            proxy_connect_timeout {connect}ms;
            proxy_read_timeout {answer}ms;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


class _Peer:
    """What both have in common: a file, a master process, and a reload by a signal to it."""

    name: str
    template: str

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=folder))
        # Started by root, nginx works as another user.
        self.folder.chmod(0o755)
        self._lease = Lease(1)
        self.file = self.folder / f"{self.name}.conf"
        self.process: Process

    @property
    def address(self) -> Address:
        """Where it listens."""
        return ("127.0.0.1", self._lease.ports[0])

    def pids(self) -> list[int]:
        """The master and its workers."""
        return family(self.process.pid)

    def reload(self, scene: Scene) -> Told:
        """Write the scene and reload."""
        self.scene = scene
        self.write(self.text(scene))
        return self.reload_file()

    def write(self, text: str) -> None:
        """Write the file."""
        self.file.write_text(text)

    def reload_file(self) -> Told:
        """Check the file, then have the master read it, whatever the check said: what is wrong must not matter."""
        done = subprocess.run(self._check(), capture_output=True, text=True, check=False, timeout=10)
        before, written = set(self.pids()), len(self.process.output())
        self.process.signal(self._signal())
        code = done.returncode
        if code == 0:
            try:
                wait_for(lambda: set(self.pids()) - before, 5)
            except AssertionError:
                code = 1
        return Told(code, done.stdout + done.stderr + self.process.output()[written:])

    def text(self, scene: Scene) -> str:
        """Return the configuration of a scene."""
        return self.template.format(
            clients=scene.clients,
            head=round(scene.head * 1000),
            client=round(scene.client * 1000),
            idle=round(scene.idle * 1000),
            folder=self.folder,
            port=self._lease.ports[0],
            connect=round(scene.connect * 1000),
            answer=round(scene.answer * 1000),
            every=round(scene.every * 1000),
            patience=round(scene.every * 500),
            fall=scene.fall,
            rise=scene.rise,
            log=scene.log or "off",
            also="\n".join([*(self._listener(port) for port in scene.listen), *self._encrypted(scene)]),
            servers="\n".join(self._server(scene, name) for name in scene.servers),
            **self._further(scene),
        )

    def __enter__(self) -> Self:
        self.write(self.text(self.scene))
        self.process = Process(self.name, self._command(), self.folder)
        try:
            self.process.wait_ready(self._ready)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        workers = self.pids()[1:] if self.process.alive else []
        self.process.signal(signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            self.process.wait(3)
        self.process.kill()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                _kill_worker(pid, self.name)
        self._lease.release()

    def _ready(self) -> bool:
        socket.create_connection(self.address, 1).close()
        return True

    def _command(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _check(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _signal(self) -> int:
        raise NotImplementedError

    def _server(self, scene: Scene, name: str) -> str:
        raise NotImplementedError

    def _listener(self, port: int) -> str:
        raise NotImplementedError

    def _encrypted(self, scene: Scene) -> list[str]:
        raise NotImplementedError

    def _further(self, scene: Scene) -> dict[str, str]:
        raise NotImplementedError


class HAProxy(_Peer):
    """Debian's HAProxy: a master and one worker, changes over the stats socket."""

    name = "haproxy"
    template = _HAPROXY

    def set(self, server: str, admin: Admin) -> None:
        """Change the state over the socket."""
        self._ask(f"set server app/{server} state {admin}")

    def weigh(self, server: str, weight: int) -> None:
        """Change the weight over the socket."""
        self._ask(f"set server app/{server} weight {weight}")

    def health(self, server: str) -> str:
        """Return what `show servers state` says: 2 is running."""
        for line in self._ask("show servers state app").splitlines():
            fields = line.split()
            if len(fields) > 5 and fields[3] == server:
                return "up" if fields[5] == "2" else "down"
        return ""

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.folder / "socket"))
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def _command(self) -> tuple[str, ...]:
        return (HAPROXY or "haproxy", "-W", "-f", str(self.file))

    def _check(self) -> tuple[str, ...]:
        return (HAPROXY or "haproxy", "-c", "-f", str(self.file))

    def _signal(self) -> int:
        return signal.SIGUSR2

    def _server(self, scene: Scene, name: str) -> str:
        return f"    server {name} 127.0.0.1:{scene.servers[name]} weight {scene.weights.get(name, 1)}"

    def _listener(self, port: int) -> str:
        return f"    bind 127.0.0.1:{port}"

    def _encrypted(self, scene: Scene) -> list[str]:
        tls = f"ssl crt {scene.certificate} alpn h2,http/1.1"
        found = [self._listener(scene.secure) + f" {tls}"] if scene.secure else []
        return found + ([self._listener(scene.framed) + " proto h2"] if scene.framed else [])

    def _further(self, scene: Scene) -> dict[str, str]:
        lines: list[str] = []
        if scene.source_connections or scene.source_requests:
            lines += [
                "    stick-table type ip size 10k expire 1m store conn_cur,http_req_rate(1m)",
                "    tcp-request connection track-sc0 src",
            ]
        if scene.source_connections:
            lines.append(f"    tcp-request connection reject if {{ sc0_conn_cur gt {scene.source_connections} }}")
        if scene.source_requests:
            lines.append(f"    http-request deny deny_status 429 if {{ sc0_http_req_rate gt {scene.source_requests} }}")
        if scene.big:
            # The time for a head is then the time for a body, too.
            lines += ["    option http-buffer-request", "    use_backend big if { path_beg /big }"]
        big = f"backend big\n    server big 127.0.0.1:{scene.big}" if scene.big else ""
        return {"limits": "\n".join(lines), "big": big}


class Nginx(_Peer):
    """Debian's nginx: a master and two workers; every change is a reload."""

    name = "nginx"
    template = _NGINX

    def __init__(self, scene: Scene, folder: Path) -> None:
        super().__init__(scene, folder)
        self._out: frozenset[str] = frozenset()

    def set(self, server: str, admin: Admin) -> None:
        """Mark the server `down` in the file, or take the mark away."""
        self._out = self._out - {server} if admin == "ready" else self._out | {server}
        self.reload(self.scene)

    def weigh(self, server: str, weight: int) -> None:
        """Write the weight into the file."""
        self.reload(replace(self.scene, weights={**self.scene.weights, server: weight}))

    def health(self, server: str) -> str:
        """It keeps that to itself."""
        del server
        return ""

    def _command(self) -> tuple[str, ...]:
        return (NGINX or "nginx", "-e", "stderr", "-c", str(self.file))

    def _check(self) -> tuple[str, ...]:
        return (NGINX or "nginx", "-t", "-q", "-e", "stderr", "-c", str(self.file))

    def _signal(self) -> int:
        return signal.SIGHUP

    def _server(self, scene: Scene, name: str) -> str:
        weight = scene.weights.get(name, 1)
        mark = "down" if name in self._out or not weight else f"weight={weight}"
        # As often and as long as checks would take it out.
        failing = f"max_fails={scene.fall} fail_timeout={max(scene.fall, scene.rise) * scene.every:g}s"
        return f"server 127.0.0.1:{scene.servers[name]} {mark} {failing};"

    def _listener(self, port: int) -> str:
        return f"listen 127.0.0.1:{port};"

    def _encrypted(self, scene: Scene) -> list[str]:
        tls = f"ssl_certificate {scene.certificate}; ssl_certificate_key {scene.certificate};"
        found = [f"listen 127.0.0.1:{scene.secure} ssl http2; {tls}"] if scene.secure else []
        return found + ([f"listen 127.0.0.1:{scene.framed} http2;"] if scene.framed else [])

    def _further(self, scene: Scene) -> dict[str, str]:
        zones, limits = [], []
        if scene.source_connections:
            zones.append("limit_conn_zone $binary_remote_addr zone=connections:1m; limit_conn_status 429;")
            limits.append(f"limit_conn connections {scene.source_connections};")
        if scene.source_requests:
            rate = f"rate={scene.source_requests}r/m"
            zones.append(f"limit_req_zone $binary_remote_addr zone=requests:1m {rate}; limit_req_status 429;")
            limits.append(f"limit_req zone=requests burst={scene.source_requests - 1} nodelay;")
        big = f"location /big {{ proxy_pass http://127.0.0.1:{scene.big}; }}" if scene.big else ""
        return {"zones": " ".join(zones), "limits": " ".join(limits), "big": big}


def _kill_worker(pid: int, name: str) -> None:
    """End a worker whose master is gone; only one that still is what it was."""
    with contextlib.suppress(FileNotFoundError):
        if name in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGKILL)
