"""Proxies with many lanes: Tenbin, and Debian's HAProxy and nginx for comparison.

Timeouts are 2 s, those of servers 3 s, so that a client that stalls is told so before the server is given up. Clients
that speak HTTP/2 do so at once; `framed` starts a proxy for them that would not speak both versions in one place.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from typing import TYPE_CHECKING

import yaml

from support.bare import BareDataplane, backend, frontend, snapshot
from support.reference import HAPROXY, NGINX
from tenbin import __version__
from tenbin.testing import Lease, Process, Tenbin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tenbin.testing.client import Address

    Start = Callable[..., contextlib.AbstractContextManager[list[Address]]]


@contextlib.contextmanager
def tenbin(ports: Sequence[int], folder: Path, *, framed: bool = False) -> Iterator[list[Address]]:
    """One frontend and one backend a lane. What comes in frames byte by byte takes long on a busy machine."""
    del folder
    patience = "15s" if framed else "2s"
    value = {
        "timeouts": {
            "header": patience,
            "client": patience,
            "server": "2s",
            "keep_alive": "2s",
            "connect": "2s",
            "queue": "2s",
        },
        "log": "none",
        "threads": 1,
        "frontends": {
            f"lane{i}": {
                "listen": [{"address": f"{{listen{i}}}", "http2": framed}],
                "routes": [{"backend": f"lane{i}"}],
            }
            for i in range(len(ports))
        },
        "backends": {
            f"lane{i}": {"servers": {"only": f"127.0.0.1:{port}"}, "retry": {"budget": "100%"}}
            for i, port in enumerate(ports)
        },
    }
    with Tenbin(yaml.safe_dump(value, sort_keys=False)) as instance:
        yield [instance.address_of(f"listen{i}") for i in range(len(ports))]


@contextlib.contextmanager
def dataplane(ports: Sequence[int], folder: Path, *, framed: bool = False) -> Iterator[list[Address]]:
    """Tenbin's data plane without a control plane."""
    del folder
    with Lease(len(ports)) as lease, BareDataplane() as plane:
        addresses = [("127.0.0.1", port) for port in lease.ports]
        for address in addresses:
            plane.listen(address)
        value = snapshot(
            1,
            {f"127.0.0.1:{port}": f"lane{i}" for i, port in enumerate(lease.ports)},
            [frontend(f"lane{i}", f"lane{i}") for i in range(len(ports))],
            [backend(f"lane{i}", {"only": f"127.0.0.1:{port}"}) for i, port in enumerate(ports)],
        )
        value["listeners"] = [
            {"address": f"127.0.0.1:{port}", "frontend": f"lane{i}", "http2": framed}
            for i, port in enumerate(lease.ports)
        ]
        answer = plane.ask("apply", snapshot=value)
        assert answer["ok"], answer
        yield addresses


@contextlib.contextmanager
def haproxy(ports: Sequence[int], folder: Path, *, framed: bool = False) -> Iterator[list[Address]]:
    """One listen section a lane."""
    with Lease(len(ports)) as lease:
        lines = [
            "global\n nbthread 1\n maxconn 2000",
            "defaults\n mode http\n timeout connect 2s\n timeout client 2s\n timeout server 3s",
            " timeout http-request 2s\n timeout http-keep-alive 2s",
        ]
        for i, (front, port) in enumerate(zip(lease.ports, ports, strict=True)):
            lines.append(
                f"listen lane{i}\n bind 127.0.0.1:{front}{' proto h2' if framed else ''}\n server only 127.0.0.1:{port}"
            )
        file = folder / "haproxy.cfg"
        file.write_text("\n".join(lines) + "\n")
        with Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder) as process:
            yield _ready(process, lease.ports)


@contextlib.contextmanager
def nginx(ports: Sequence[int], folder: Path, *, framed: bool = False) -> Iterator[list[Address]]:
    """One upstream and one server a lane, with connections to the servers kept."""
    with Lease(len(ports)) as lease:
        temp = " ".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        timeouts = "client_header_timeout 2s; client_body_timeout 2s; proxy_read_timeout 3s; keepalive_timeout 2s;"
        speaks = " http2" if framed else ""
        lanes = "".join(
            f"upstream lane{i} {{ server 127.0.0.1:{port} max_fails=0; keepalive 4; }}\n"
            f"server {{ listen 127.0.0.1:{front}{speaks}; location / {{ proxy_pass http://lane{i}; "
            'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; '
            "client_max_body_size 0; } }\n"
            for i, (front, port) in enumerate(zip(lease.ports, ports, strict=True))
        )
        file = folder / "nginx.conf"
        file.write_text(
            f"daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;\n"
            f"events {{ worker_connections 2000; }}\nhttp {{ access_log off; {temp} {timeouts}\n{lanes} }}\n"
        )
        with Process("nginx", (NGINX or "nginx", "-e", "stderr", "-c", str(file)), folder) as process:
            yield _ready(process, lease.ports)


@contextlib.contextmanager
def relay(ports: Sequence[int], folder: Path, *, framed: bool = False) -> Iterator[list[Address]]:
    """No proxy at all: bytes go through as they come, which is what the rows must notice."""
    del folder, framed
    yield [("127.0.0.1", port) for port in ports]


PROXIES: dict[str, Start] = {
    "haproxy": haproxy,
    "nginx": nginx,
    "tenbin": tenbin,
    "dataplane": dataplane,
    "relay": relay,
}
OWN = ("tenbin", "dataplane")
"""Those that every rule is for."""


def available() -> list[str]:
    """Return the proxies worth comparing that are installed."""
    found = {"haproxy": HAPROXY, "nginx": NGINX, "tenbin": "tenbin"}
    return [name for name, program in found.items() if program]


def version(proxy: str) -> str:
    """Return a proxy's version, "" for what has none."""
    if proxy in OWN:
        return __version__
    commands = {"haproxy": (HAPROXY, "-v"), "nginx": (NGINX, "-v")}
    if proxy not in commands:
        return ""
    program, flag = commands[proxy]
    done = subprocess.run((program or proxy, flag), capture_output=True, text=True, check=False)
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", done.stdout + done.stderr)
    return found[0] if found else ""


def _ready(process: Process, ports: Sequence[int]) -> list[Address]:
    addresses = [("127.0.0.1", port) for port in ports]

    def connects() -> bool:
        socket.create_connection(addresses[-1], 1).close()
        return True

    process.wait_ready(connects)
    return addresses
