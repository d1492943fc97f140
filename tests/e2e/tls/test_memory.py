"""What an idle connection in TLS costs: a session, a socket, a task, and no buffer."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate
from support.kernel import resident
from support.slow import allow_many
from tenbin.testing import Tenbin, config_text

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Servers
    from tenbin.testing.client import Address

CLIENTS = 2_000
WARM = 200
EACH = 12 * 1024
"""Bytes of memory that one may cost, with all that the session, the task and the socket have."""


def ask(address: Address, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Connect, and ask once."""
    client = context.wrap_socket(socket.create_connection(address, 20))
    client.sendall(b"GET /api/whoami HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    return client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_an_idle_connection_costs_little(trio: Servers, tmp_path: Path, version: ssl.TLSVersion) -> None:
    allow_many()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    listen = [{"address": "{listen}", "tls": str(make_certificate(tmp_path / "site.pem"))}]
    config = config_text(trio.first(1), None, {"listen": listen}, threads=1, timeouts={"keep_alive": "10m"})
    with Tenbin(config) as tenbin, ExitStack() as clients:
        for _ in range(WARM):
            clients.enter_context(ask(tenbin.address, context))
        before = resident(tenbin.dataplane_pid)
        for _ in range(CLIENTS):
            clients.enter_context(ask(tenbin.address, context))
        each = (resident(tenbin.dataplane_pid) - before) / CLIENTS
        assert each <= EACH
