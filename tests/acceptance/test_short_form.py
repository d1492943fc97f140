"""The short file of a few lines that a newcomer writes, with prefix routes."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from support.traffic import sequential
from tenbin.testing import Process, fetch, lease

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers

AS_WRITTEN = """\
listen: "{listen}"
algorithm: "round_robin"  # round_robin, least_conn, ip_hash

backends:
  - address: "192.0.2.10:8080"
    weight: 5
  - address: "192.0.2.11:8080"
    weight: 3
  - address: "192.0.2.12:8080"
    weight: 2

health_check:
  interval: 5s
  timeout: 2s
  path: /health

routes:
  - prefix: /api/
    backends: ["api1.invalid:8080", "api2.invalid:8080"]
  - prefix: /
    backends: ["web1.invalid:80", "web2.invalid:80"]
"""


def test_names_that_do_not_resolve_do_not_stop_the_start(start_tenbin: StartTenbin) -> None:
    tenbin = start_tenbin(AS_WRITTEN)
    answer = tenbin.get("/")
    assert (answer.status, answer.header("tenbin-reason")) == (503, "no-server-up")


def test_five_lines_balance(start_tenbin: StartTenbin, trio: Servers) -> None:
    servers = "\n".join(
        f'  - {{address: "127.0.0.1:{port}", weight: {w}}}'
        for port, w in zip(trio.ports.values(), (5, 3, 2), strict=True)
    )
    tenbin = start_tenbin(f'listen: "{{listen}}"\nalgorithm: round_robin\nbackends:\n{servers}\n')
    assert Counter(sequential(tenbin.address, 10)) == {"server1": 5, "server2": 3, "server3": 2}


def test_prefix_routes_reach_the_right_server_404_and_502(start_tenbin: StartTenbin, trio: Servers) -> None:
    one, two = (f"127.0.0.1:{trio.port(name)}" for name in ("server1", "server2"))
    tenbin = start_tenbin(
        f"""\
listen: "{{listen}}"
routes:
  - {{prefix: /api/, backends: ["{one}"]}}
  - {{prefix: /bytes, backends: ["{two}"]}}
  - {{prefix: /dead/, backends: ["127.0.0.1:1"]}}
"""
    )
    assert {tenbin.get("/api/whoami").server for _ in range(4)} == {"server1"}
    assert {tenbin.get("/bytes?n=3").server for _ in range(4)} == {"server2"}
    missing = tenbin.get("/elsewhere")
    assert (missing.status, missing.header("tenbin-reason")) == (404, "no-route")
    dead = tenbin.get("/dead/x")
    assert dead.status == 502
    assert dead.header("tenbin-reason")


def test_proxy_needs_no_file(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:

    with lease() as own:
        arguments = [f"--to=127.0.0.1:{port}" for port in trio.first(2).values()]
        command = (sys.executable, "-m", "tenbin", "proxy", f"--listen=127.0.0.1:{own.ports[0]}", *arguments)
        run = tmp_path / "run"
        with Process("proxy", command, tmp_path, {"TENBIN_RUNTIME_DIR": str(run)}) as process:
            address = ("127.0.0.1", own.ports[0])
            process.wait_ready(lambda: fetch(address, "/health").status == 200)
            assert Counter(sequential(address, 10)) == {"server1": 5, "server2": 5}
            assert process.terminate() == 0
