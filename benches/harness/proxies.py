"""The proxies side by side: how each is told to do the same work, and started.

All have two threads or processes, no logs, keep-alive on both sides, and set X-Forwarded-For in HTTP mode; the
files are in benches/configs.
"""

import shutil
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import Literal

from harness.child import Child
from harness.dataplane import Dataplane, Prepared
from tenbin.testing import fetch, lease, wait_for

Mode = Literal["http", "tcp"]

NAMES = ("tenbin", "haproxy", "nginx", "relay")
TITLES = {"tenbin": "Tenbin", "haproxy": "HAProxy", "nginx": "nginx", "relay": "bare relay"}

DESCRIPTORS = 20_000
"""Open files that each program may have."""

_CONFIGS = Path(__file__).parent.parent / "configs"
_STREAM_MODULES = (
    Path("/usr/lib/nginx/modules/ngx_stream_module.so"),
    Path("/usr/lib64/nginx/modules/ngx_stream_module.so"),
)


@dataclass(frozen=True)
class Programs:
    """Where the programs are; None: not installed. `handshakes` makes load."""

    dataplane: Path
    relay: Path
    handshakes: Path
    haproxy: Path | None
    nginx: Path | None


@dataclass(frozen=True)
class Scene:
    """What a proxy has to do. `routes` and `balance` are lines of Tenbin's configuration.

    `certificate`: TLS with this file, HTTP/2 by ALPN; `http2`: without TLS, for clients that speak it at once.
    `haproxy_cfg`: a whole configuration in HAProxy's language instead, for Tenbin and HAProxy.
    """

    port: int
    servers: Sequence[str]
    mode: Mode = "http"
    threads: int = 2
    routes: Sequence[str] = ("{backend: app}",)
    balance: str = "balance: round_robin"
    certificate: Path | None = None
    http2: bool = False
    haproxy_cfg: str = ""


@dataclass(frozen=True)
class Running:
    """A proxy at work."""

    name: str
    port: int
    child: Child = field(repr=False)
    tls: bool = False

    @property
    def url(self) -> str:
        """Its address as a URL."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def pids(self) -> tuple[int, ...]:
        """All its processes."""
        return self.child.pids


class Yard:
    """Starts proxies in folders of their own."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self._started = 0

    def missing(self, name: str, mode: Mode) -> str:
        """Why a proxy cannot take part; empty when it can."""
        if name in ("haproxy", "nginx") and getattr(self.programs, name) is None:
            return f"{name} is not installed"
        if name == "nginx" and mode == "tcp" and _stream_module() is None:
            return "nginx has no stream module here (Debian: libnginx-mod-stream)"
        return ""

    @contextmanager
    def start(self, name: str, scene: Scene) -> Iterator[Running]:
        """Start a proxy and wait until it serves."""
        with ExitStack() as stack:
            child = stack.enter_context(self.launch(name, scene))
            wait_for(lambda: child.check() and answers(scene), 15, lambda: f"{name} serves: {child.log.read_text()}")
            yield Running(name, scene.port, child, scene.certificate is not None)

    @contextmanager
    def start_all(self, names: Sequence[str], scene: Callable[[int], Scene]) -> Iterator[list[Running]]:
        """Start those of the proxies that can do it; `scene` makes the scene of a port."""
        with ExitStack() as stack:
            running = []
            for name in names:
                plan = scene(stack.enter_context(lease(1)).ports[0])
                if not self.missing(name, plan.mode):
                    running.append(stack.enter_context(self.start(name, plan)))
            yield running

    @contextmanager
    def launch(self, name: str, scene: Scene) -> Iterator[Child]:
        """Start a proxy without waiting."""
        folder = self.new_folder(name)
        if name == "tenbin":
            prepared = _prepared(scene, folder)
            with Dataplane(self.programs.dataplane, folder) as child:
                child.give(prepared)
                # Its own duplicates serve from here on.
                prepared.close()
                yield child
        else:
            with Child(name, self._command(name, scene, folder), folder) as child:
                yield child

    def new_folder(self, name: str) -> Path:
        """Make an empty folder."""
        self._started += 1
        folder = self.folder / f"{name}-{self._started}"
        folder.mkdir(parents=True)
        return folder

    def _command(self, name: str, scene: Scene, folder: Path) -> list[str]:
        if name == "relay":
            return [str(self.programs.relay), f"127.0.0.1:{scene.port}", scene.servers[0], str(scene.threads)]
        if name == "haproxy":
            file = folder / "haproxy.cfg"
            file.write_text(scene.haproxy_cfg or _haproxy_text(scene))
            return [str(self.programs.haproxy), "-db", "-f", str(file)]
        file = folder / "nginx.conf"
        file.write_text(_nginx_text(scene, folder))
        return nginx_command(self.programs, file, folder)


def nginx_command(programs: Programs, file: Path, folder: Path) -> list[str]:
    """Return the command that runs nginx on a file, with nothing outside of `folder`."""
    return [str(programs.nginx), "-e", "stderr", "-p", str(folder), "-c", str(file)]


def find_programs(folder: Path) -> Programs:
    """Find what was built, in a folder, and what is installed."""
    haproxy, nginx = (shutil.which(name, path="/usr/local/sbin:/usr/sbin:/usr/bin") for name in ("haproxy", "nginx"))
    built = (folder / "tenbin-dataplane", folder / "bare-relay", folder / "handshakes")
    return Programs(*built, Path(haproxy) if haproxy else None, Path(nginx) if nginx else None)


def answers(scene: Scene) -> bool:
    """Whether a request goes through, in the version of HTTP that everybody speaks on such a port."""
    if scene.http2:
        return answers_http2(scene.port)
    if scene.certificate is None:
        return fetch(("127.0.0.1", scene.port), "/").status == 200
    context = ssl.create_default_context(cafile=scene.certificate)
    connection = HTTPSConnection("127.0.0.1", scene.port, context=context, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def answers_http2(port: int) -> bool:
    """Whether somebody begins to speak HTTP/2: with SETTINGS (RFC 9113, 3.4)."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        return client.recv(9)[3:4] == b"\4"


def filled(name: str, values: dict[str, object]) -> str:
    """Return a file of benches/configs with its `@WORDS@` replaced."""
    text = (_CONFIGS / name).read_text()
    for word, value in values.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def tenbin_text(scene: Scene) -> str:
    """Return Tenbin's configuration for a scene."""
    values = {
        **_common(scene, "# "),
        "ROUTES": "\n".join(f"      - {route}" for route in scene.routes),
        "BALANCE": scene.balance,
        "SERVERS": "\n".join(f'      s{i}: "{address}"' for i, address in enumerate(scene.servers)),
        "TLS": f", tls: {scene.certificate}" if scene.certificate else "",
    }
    return filled("tenbin.yaml", values)


def _prepared(scene: Scene, folder: Path) -> Prepared:
    if scene.haproxy_cfg:
        return Prepared(scene.haproxy_cfg, folder, "haproxy.cfg")
    return Prepared(tenbin_text(scene), folder)


def _haproxy_text(scene: Scene) -> str:
    servers = "\n".join(f"  server s{i} {address}" for i, address in enumerate(scene.servers))
    how = " proto h2" if scene.http2 else ""
    if scene.certificate:
        how = f" ssl crt {scene.certificate} alpn h2,http/1.1"
    return filled("haproxy.cfg", {**_common(scene, "#"), "SERVERS": servers, "HOW": how})


def _nginx_text(scene: Scene, folder: Path) -> str:
    servers = "\n".join(f"    server {address};" for address in scene.servers)
    how = " http2" if scene.http2 else ""
    if scene.certificate:
        how = " ssl http2"
    keys = f"ssl_certificate {scene.certificate}; ssl_certificate_key {scene.certificate};" if scene.certificate else ""
    values = {**_common(scene, ""), "SERVERS": servers, "FOLDER": folder, "HOW": how, "KEYS": keys}
    module = _stream_module() if scene.mode == "tcp" else None
    values |= {
        "BODY": filled(f"proxy.nginx.{scene.mode}.conf", values),
        "DESCRIPTORS": DESCRIPTORS,
        "MODULES": f"load_module {module};" if module else "",
    }
    return filled("proxy.nginx.conf", values)


def _common(scene: Scene, comment: str) -> dict[str, object]:
    """Return the words of every file; lines for HTTP mode alone begin with `comment` in TCP mode."""
    http = "" if scene.mode == "http" else comment
    return {"PORT": scene.port, "MODE": scene.mode, "THREADS": scene.threads, "HTTP": http}


def _stream_module() -> Path | None:
    return next((path for path in _STREAM_MODULES if path.exists()), None)
