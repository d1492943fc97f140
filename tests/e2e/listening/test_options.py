"""What is asked of the kernel for an address: seen by clients and in the system's tables, changed by a reload."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from support.as_haproxy import DEFAULTS, Started
from tenbin.testing import config_text, fetch, wait_for
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Address

_SS = shutil.which("ss", path="/usr/bin:/bin:/usr/sbin:/sbin") or "ss"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hp")


def sockets(state: str, place: str) -> list[list[str]]:
    """What `ss` tells of sockets: state, queue, its length, address ..."""
    command = [_SS, "-Htn", "state", state, place]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def listening(port: int) -> set[tuple[str, str]]:
    """How long the queues of the sockets are that listen on a port, and where these are."""
    return {(row[1], row[2]) for row in sockets("listening", f"sport = :{port}")}


def with_options(config: str, **options: object) -> str:
    value = yaml.safe_load(config)
    value["frontends"]["web"]["listen"] = [{"address": "{listen}", "socket": options}]
    return yaml.safe_dump(value)


def segment(address: Address) -> int:
    """The segments that a client may send there."""
    with socket.create_connection(address, 5) as client:
        return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)


def test_a_reload_changes_open_sockets_and_costs_no_connection(start_tenbin: StartTenbin, trio: Servers) -> None:
    plain = config_text(trio.first(1))
    tenbin = start_tenbin(with_options(plain, max_segment=700, interface="lo", backlog=33))
    assert segment(tenbin.address) <= 700
    port = tenbin.address[1]
    assert listening(port) == {("33", f"127.0.0.1%lo:{port}")}
    with tenbin.client() as client:
        assert client.get("/api/whoami").status == 200
        assert "~1 listener" in tenbin.reload(with_options(plain, max_segment=900, backlog=34)).stdout
        assert 700 < segment(tenbin.address) <= 900
        assert listening(port) == {("34", f"127.0.0.1:{port}")}
        assert client.get("/api/whoami").status == 200


def test_a_reload_that_the_kernel_refuses_says_where_and_changes_nothing(
    start_tenbin: StartTenbin, trio: Servers
) -> None:
    plain = config_text(trio.first(1))
    tenbin = start_tenbin(with_options(plain, backlog=33))
    tenbin.write(with_options(plain, backlog=34, interface="nosuch0"))
    refused = tenbin.cli("reload")
    assert refused.returncode == 1
    assert "there is no interface 'nosuch0'" in refused.stdout + refused.stderr
    assert "tenbin.yaml:" in refused.stdout + refused.stderr
    assert {length for length, _ in listening(tenbin.address[1])} == {"33"}
    assert tenbin.get().status == 200


def test_a_client_that_says_nothing_is_not_accepted_where_that_is_deferred(
    start_tenbin: StartTenbin, trio: Servers
) -> None:
    tenbin = start_tenbin(with_options(config_text(trio.first(1)), defer_accept=True))
    port = tenbin.address[1]
    with socket.create_connection(tenbin.address, 5) as client:
        assert len(sockets("syn-recv", f"sport = :{port} and dport = :{client.getsockname()[1]}")) == 1
        client.sendall(b"GET /api/whoami HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"


def test_one_address_for_both_families_tells_servers_plain_addresses(folder: Path) -> None:
    with Lease(2) as lease:
        (folder / "a.cfg").write_text(
            f"{DEFAULTS}frontend f\n bind [::]:{lease.ports[0]} v4v6 tcp-ut 20s tfo\n"
            f" bind [::]:{lease.ports[1]} v6only\n"
            " http-request return status 200 content-type text/plain lf-string %[src],%[dst]\n"
        )
        with Started("-db", "-f", "a.cfg", folder=folder):
            wait_for(lambda: listening(lease.ports[1]), 20)
            assert fetch(("127.0.0.1", lease.ports[0]), "/").body == b"127.0.0.1,127.0.0.1"
            assert fetch(("::1", lease.ports[0]), "/").body == b"::1,::1"
            assert fetch(("::1", lease.ports[1]), "/").body == b"::1,::1"
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", lease.ports[1])) != 0
