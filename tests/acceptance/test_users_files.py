"""Configurations that people publish, in HAProxy's language: they load, and a few requests go where they should."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.edge import Placed, Program, placed, running, wait_up
from support.postgres import INSTALLED, ask, postgres
from support.scripted import ScriptedServer
from tenbin.testing import Client, fetch, wait_for

if TYPE_CHECKING:
    from support.scripted import Peer, Script
    from support.servers import Servers
    from tenbin.testing import Response

CONFIGS = Path(__file__).parent / "configs"

TENBIN = pytest.mark.parametrize("command", ["run", "haproxy"])
UNAVAILABLE = b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n"


@TENBIN
def test_servers_that_are_written_into_the_file_take_part(command: Program, tmp_path: Path, servers: Servers) -> None:
    ports = servers.some(2)
    with placed((CONFIGS / "serf.cfg").read_text(), tmp_path) as config:
        web, page = config.address("80"), config.address("9999")
        with running(config, command) as process:
            answer = fetch(web, "/")
            assert answer.status == 503
            assert answer.body.startswith(UNAVAILABLE)
            lines = [f"    server web{i} 127.0.0.1:{ports[f'server{i}']} check\n" for i in (1, 2)]
            for count in (1, 2):
                config.file.write_text(config.text + "".join(lines[:count]))
                process.signal(signal.SIGHUP if command == "run" else signal.SIGUSR2)
                expected = {f"server{i}" for i in range(1, count + 1)}
                wait_for(lambda expected=expected: {_whoami(config) for _ in range(4)} == expected)
            wait_for(
                lambda: [_page(config, "9999", "/;csv")["http-in", f"web{i}"]["status"] for i in (1, 2)] == ["UP"] * 2
            )
            assert "web2" in fetch(page, "/").body.decode()


@pytest.mark.skipif(not INSTALLED, reason="PostgreSQL is not installed")
@TENBIN
def test_postgresql_is_asked_through_it(command: Program, tmp_path: Path) -> None:
    with (
        placed((CONFIGS / "postgresql.cfg").read_text(), tmp_path) as config,
        postgres(config.ports["postgres-master"]),
        running(config, command),
    ):
        found = {"postgres-master": "UP L4OK", "postgres-slave1": "DOWN L4CON", "postgres-slave2": "DOWN L4CON"}
        wait_for(lambda: _checks(config, *found) == found, 30, lambda: str(_checks(config, *found)))
        assert ask(config.ports["5433"], "select 6 * 7") == "42"
        assert ask(config.ports["5433"], "select count(*) from generate_series(1, 100000)") == "100000"


def test_patroni_says_who_is_the_primary(tmp_path: Path) -> None:
    roles = {"one": b"/primary", "two": b"/replica"}
    with ExitStack() as stack:
        databases = {name: stack.enter_context(ScriptedServer(_saying(name.encode()))) for name in roles}
        members = [stack.enter_context(ScriptedServer(_member(roles, name))) for name in roles]
        text = (CONFIGS / "patroni.cfg").read_text()
        for published, member in zip(("8008", "8009"), members, strict=True):
            text = text.replace(f"check port {published}", f"check port {member.port}")
        ports = {f"pg-{name}": server.port for name, server in databases.items()}
        config = stack.enter_context(placed(text, tmp_path, ports))
        stack.enter_context(running(config))
        wait_for(lambda: _answers(config, "5000") == {b"one"} and _answers(config, "5001") == {b"two"}, 20)
        with Client(config.address("5000")) as held:
            held.send(b"?")
            assert held.receive() == b"one"
            roles.update(one=b"/replica", two=b"/primary")
            wait_for(lambda: _answers(config, "5000") == {b"two"} and _answers(config, "5001") == {b"one"}, 30)
            # `on-marked-down shutdown-sessions`: nobody goes on writing to what is no primary any more.
            assert held.receive() == b""


def test_an_ingress_finds_backends_in_maps(tmp_path: Path, servers: Servers) -> None:
    ports = servers.some(2)
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "host.map").write_text("shop.test shop.test\n.shop.test .shop.test\n")
    (maps / "path-exact.map").write_text("shop.test/exact shop_web_8080\n")
    (maps / "path-prefix.map").write_text("shop.test/api shop_api_8081\nshop.test/echo shop_web_8080\n")
    (maps / "path-regex.map").write_text("^\\.shop\\.test/v[0-9]+/ shop_api_8081\n")
    (maps / "force-tls.map").write_text("secure.shop.test yes\n")
    with placed((CONFIGS / "ingress.cfg").read_text(), tmp_path, ports) as config, running(config):
        wait_up(config, "shop_web_8080/SRV_1", "shop_web_8080/SRV_2", "shop_api_8081/SRV_1")
        config.api(f"set server shop_api_8081/SRV_free_1 addr 127.0.0.1 port {ports['server1']}")

        def asked(host: str, path: str) -> Response:
            return fetch(config.address("80"), path, ("Host", host))

        api = asked("Shop.Test:80", "/api/whoami")
        assert (api.status, api.server) == (404, "server2"), "its path is /whoami by then"
        web = asked("shop.test", "/echo")
        assert web.status == 200
        assert web.header("set-cookie").startswith("route=")
        assert asked("shop.test", "/exact").header("set-cookie")
        assert asked("any.shop.test", "/v2/x").server == "server2"
        assert asked("shop.test", "/exactly").body == b"default backend - 404"
        assert asked("else.test", "/api/whoami").status == 404
        secure = asked("secure.shop.test", "/a?b=c")
        assert (secure.status, secure.header("location")) == (308, "https://secure.shop.test/a?b=c")
        config.api(f"add map {maps}/path-prefix.map shop.test/new shop_api_8081")
        assert asked("shop.test", "/new").server == "server2"


def test_a_file_of_five_thousand_lines(tmp_path: Path, servers: Servers) -> None:
    port = servers.start("server1")
    with placed(generated(), tmp_path, {"backend-host": port}) as config:
        assert len(config.text.splitlines()) >= 5000
        with running(config):
            for number in (0, 1, 250, 499):
                answer = fetch(config.address("80"), f"/t{number}/x", ("Host", f"h{number}.test"))
                assert (answer.server, answer.header("x-tenant")) == ("server1", f"t{number}"), answer
                assert fetch(config.address("80"), f"/t{number}/private", ("Host", f"h{number}.test")).status == 403
            assert fetch(config.address("80"), "/t1/x", ("Host", "h2.test")).status == 404


def generated() -> str:
    """Return a configuration of 500 tenants, ten lines each."""
    lines = ["global", "  maxconn 500", "  stats socket /var/run/haproxy.sock level admin", "defaults", "  mode http"]
    lines += ["  timeout connect 5s", "  timeout client 30s", "  timeout server 30s", "  option httplog"]
    lines += ["frontend web", "  bind *:80"]
    for i in range(500):
        lines += [f"  acl host_{i} hdr(host) -i h{i}.test www.h{i}.test", f"  acl path_{i} path_beg /t{i}/"]
        lines += [f"  http-request deny if host_{i} {{ path /t{i}/private }} !{{ src 192.0.2.0/24 }}"]
    lines += [f"  use_backend t{i} if host_{i} path_{i}" for i in range(500)]
    lines += ["  default_backend nobody", "backend nobody", "  http-request return status 404"]
    for i in range(500):
        lines += [f"backend t{i}", "  balance leastconn", f"  http-response set-header X-Tenant t{i}"]
        lines += [f"  cookie C{i} insert indirect", "  option redispatch"]
        lines += [f"  server s{i} backend-host:8080 cookie s{i} maxconn 50", "  timeout server 10s", ""]
    return "\n".join(lines) + "\n"


def _member(roles: dict[str, bytes], name: str) -> Script:
    def script(peer: Peer) -> None:
        head = peer.read_head()
        yes = head.startswith(b"OPTIONS " + roles[name] + b" ")
        status = b"200 OK" if yes else b"503 Service Unavailable"
        peer.send(b"HTTP/1.0 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    return script


def _saying(name: bytes) -> Script:
    def script(peer: Peer) -> None:
        while peer.read():
            peer.send(name)

    return script


def _answers(config: Placed, place: str) -> set[bytes]:
    found = set()
    for _ in range(4):
        with Client(config.address(place)) as client:
            client.send(b"?")
            found.add(client.receive())
    return found


def _whoami(config: Placed) -> str:
    return fetch(config.address("80"), "/api/whoami").server


def _page(config: Placed, place: str, target: str) -> dict[tuple[str, str], dict[str, str]]:
    """Return the statistics of a page by proxy and name."""
    lines = fetch(config.address(place), target).body.decode().strip("\n").split("\n")
    names = lines[0].removeprefix("# ").split(",")
    rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:]]
    return {(row["pxname"], row["svname"]): row for row in rows}


def _checks(config: Placed, *names: str) -> dict[str, str]:
    rows = _page(config, "8404", "/stats;csv")
    standing = {name: rows["postgres_cluster", name] for name in names}
    return {name: f"{row['status']} {row['check_status']}" for name, row in standing.items()}
