"""Debian's HAProxy and nginx in front of test servers: they show that a test is sound before it judges Tenbin."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.testing import Lease, Process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.testing.client import Address

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")

_HAPROXY = """
global
    maxconn 4000
    nbthread 1
defaults
    mode http
    timeout connect 1s
    timeout client {timeout}s
    timeout server {timeout}s
    timeout http-request {timeout}s
    timeout http-keep-alive 30s
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response
    option idle-close-on-response
frontend web
    bind 127.0.0.1:{port}
    default_backend app
backend app
    balance roundrobin
    option httpchk GET /health
    default-server {check}
{servers}
"""
_NGINX = """
daemon off;
worker_processes 1;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 4000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    client_header_timeout {timeout}s; client_body_timeout {timeout}s; proxy_read_timeout {timeout}s;
    upstream app {{ {servers} keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


def start_haproxy(
    ports: Mapping[str, int], folder: Path, *, timeout: int = 30, check: bool = True
) -> tuple[Process, Address]:
    """Start HAProxy over these servers, checked every 500 ms, and return it with its address."""
    lease = Lease(1)
    servers = "\n".join(f"    server {name} 127.0.0.1:{port}" for name, port in ports.items())
    options = "check inter 500 fall 2 rise 2" if check else ""
    text = _HAPROXY.format(port=lease.ports[0], servers=servers, timeout=timeout, check=options)
    file = _write(text, folder, "haproxy.cfg")
    return _start(Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder), lease)


def start_nginx(ports: Mapping[str, int], folder: Path, *, timeout: int = 30) -> tuple[Process, Address]:
    """Start nginx over these servers and return it with its address."""
    lease = Lease(1)
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports.values())
    own = Path(tempfile.mkdtemp(dir=folder))
    file = _write(_NGINX.format(port=lease.ports[0], servers=servers, folder=own, timeout=timeout), own, "nginx.conf")
    return _start(Process("nginx", (NGINX or "nginx", "-e", "stderr", "-c", str(file)), folder), lease)


def _write(text: str, folder: Path, name: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def _start(process: Process, lease: Lease) -> tuple[Process, Address]:
    address = ("127.0.0.1", lease.ports[0])

    def ready() -> bool:
        socket.create_connection(address, 1).close()
        return True

    process.wait_ready(ready)
    return process, address
