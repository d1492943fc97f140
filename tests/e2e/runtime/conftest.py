"""A Tenbin that runs a configuration in HAProxy's language, with its runtime API and its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.runtime_api import Api, tenbin_on
from tenbin.testing.client import Client, Response, fetch
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers

TEXT = """
global
  stats socket {socket} mode 600 level admin
  stats socket {socket}user mode 600 level user
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:%(port)d
  acl blocked path -f %(list)s
  http-request deny if blocked
  http-request use-service prometheus-exporter if { path /metrics }
  stats uri /stats
  stats realm Balancer\\ "A"
  stats auth boss:secret
  stats admin if { src 127.0.0.1 }
  stats show-legends
  stats show-node <node>
  default_backend app
backend app
  balance roundrobin
  server s1 127.0.0.1:%(one)d check inter 200ms weight 3 cookie c1
  server s2 127.0.0.1:%(two)d check inter 200ms
backend clients
  stick-table type ip size 100 expire 30s store gpc0,http_req_rate(10s)
"""


@dataclass
class Site:
    """What is running."""

    api: Api
    port: int
    spare: int

    def get(self, target: str, *headers: tuple[str, str]) -> Response:
        return fetch(("127.0.0.1", self.port), target, *headers)

    def client(self) -> Client:
        return Client(("127.0.0.1", self.port), 10.0)


@pytest.fixture
def site(trio: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("rt")
    (folder / "list").write_text("/blocked\n")
    ports = list(trio.ports.values())
    lease = Lease(1)
    try:
        values = {"port": lease.ports[0], "one": ports[0], "two": ports[1], "list": folder / "list"}
        with tenbin_on(TEXT % values, folder) as api:
            yield Site(api, lease.ports[0], ports[2])
    finally:
        lease.release()
