"""What a newcomer types, from the first command to the last: nothing in between is left to guess."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer
from support.traffic import Background, long_operation, sequential, under_way
from tenbin.cli.client import Running
from tenbin.clock import SystemClock
from tenbin.testing import Client, ExchangeError, Process, config_text, fetch, lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers
    from tenbin.testing import Tenbin

CLOCK = SystemClock()
TENBIN = (sys.executable, "-m", "tenbin")


class Shell:
    """A folder in which commands are typed, with a runtime directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"TENBIN_RUNTIME_DIR": str(folder / "run")}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.env}
        command = (*TENBIN, *arguments)
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    def start(self, *arguments: str) -> Process:
        return Process("tenbin", (*TENBIN, *arguments), self.folder, self.env)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    with lease(2) as own:
        yield own.ports[0], own.ports[1]


def test_from_init_over_check_to_traffic_and_stop(shell: Shell, ports: tuple[int, int], trio: Servers) -> None:
    assert shell.run("init").returncode == 0
    file = shell.folder / "tenbin.yaml"
    assert "can be used" in shell.run("check", "tenbin.yaml").stdout
    text = file.read_text()
    for old, new in ((":8080", f"127.0.0.1:{ports[0]}"), ("127.0.0.1:8404", f"127.0.0.1:{ports[1]}")):
        assert f'"{old}"' in text
        text = text.replace(f'"{old}"', f'"{new}"')
    for old_port, port in zip((3001, 3002), trio.ports.values(), strict=False):
        text = text.replace(str(old_port), str(port))
    file.write_text(text)
    address = ("127.0.0.1", ports[0])
    with shell.start("run", str(file)) as process:
        process.wait_ready(lambda: fetch(("127.0.0.1", ports[1]), "/readyz").status == 200)
        assert Counter(sequential(address, 10)) == {"server1": 5, "server2": 5}
        file.write_text(text.replace("adress", "address").replace("servers:", "serverz:"))
        broken = shell.run("reload")
        assert broken.returncode == 1
        assert "did you mean" in broken.stderr
        assert "server1" in shell.run("status").stdout
        assert shell.run("stop").returncode == 0
        assert process.wait(10) == 0


def test_proxy_of_connections(shell: Shell, ports: tuple[int, int]) -> None:
    def echo(peer: Peer) -> None:
        while data := peer.socket.recv(65536):
            peer.send(data)

    with ScriptedServer(echo) as one, ScriptedServer(echo) as two:
        to = [f"--to=127.0.0.1:{server.port}" for server in (one, two)]
        listen, admin = (f"127.0.0.1:{port}" for port in ports)
        with shell.start("proxy", "--tcp", f"--listen={listen}", f"--admin={admin}", *to) as process:
            process.wait_ready(lambda: fetch(("127.0.0.1", ports[1]), "/readyz").status == 200)
            for i in range(4):
                with socket.create_connection(("127.0.0.1", ports[0]), 5) as client:
                    message = b"\x00\xff not http %d" % i
                    client.sendall(message)
                    client.shutdown(socket.SHUT_WR)
                    got = b""
                    while data := client.recv(100):
                        got += data
                    assert got == message
            assert (len(one.peers), len(two.peers)) == (2, 2)
            assert f"127.0.0.1:{two.port}" in shell.run("status").stdout
            assert process.terminate() == 0


def test_proxy_with_another_algorithm_is_steered_like_any_other(
    shell: Shell, ports: tuple[int, int], trio: Servers
) -> None:
    to = [f"--to=127.0.0.1:{port}" for port in trio.first(2).values()]
    listen = f"--listen=127.0.0.1:{ports[0]}"
    address = ("127.0.0.1", ports[0])
    with shell.start("proxy", listen, "--algorithm=ip_hash", "--admin=none", *to) as process:
        process.wait_ready(lambda: fetch(address, "/health").status == 200)
        assert len(set(sequential(address, 6))) == 1
        status = json.loads(wait_for(lambda: shell.run("status", "--json").stdout, 10))
        backend = status["backends"][0]
        for server in backend["servers"]:
            done = shell.run("server", "drain", f"{backend['name']}/{server['name']}")
            assert done.returncode == 0, done.stderr
        assert fetch(address, "/health").status == 503
        assert shell.run("reload").returncode == 0
        assert shell.run("stop", "--now").returncode == 0
        assert process.wait(5) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--listen=:x", "--to=127.0.0.1:1"),
        ("--listen=127.0.0.1:1",),
        ("--listen=127.0.0.1:1", "--to=nonsense"),
        ("--listen=127.0.0.1:1", "--to=127.0.0.1:1", "--algorithm=round_robbin"),
    ],
)
def test_a_wrong_proxy_is_told_and_ends(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = shell.run("proxy", *arguments)
    assert done.returncode in (1, 2)
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_compile_is_what_the_data_plane_is_told_but_for_the_secret(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"sticky": {"cookie": "C"}}, threads=2))
    compiled = json.loads(tenbin.run_cli("compile", str(tenbin.file)))
    served = json.loads(Running(tenbin.runtime_directory).get("/api/v1/snapshot"))
    assert not compiled["secret"].strip("0")
    assert not served["secret"].strip("0")
    for value in (compiled, served):
        del value["secret"], value["generation"]
    assert compiled == served
    secret = (tenbin.runtime_directory / "secret").read_text().strip()
    assert secret
    assert secret not in tenbin.log()


def test_stop_waits_for_work_in_progress(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    work = Background(tenbin.address, *[long_operation(1500)] * 3)
    wait_for(lambda: under_way(tenbin) == 3, 5)
    ended: list[str] = []
    stopping = threading.Thread(target=lambda: ended.append(tenbin.run_cli("stop")))
    stopping.start()
    wait_for(lambda: _refused(tenbin), 5)
    assert fetch(tenbin.admin, "/readyz").status == 503, "balancers in front send no more"
    assert fetch(tenbin.admin, "/healthz").status == 200
    assert not ended
    assert work.statuses() == [200] * 3
    stopping.join(10)
    assert ended
    assert "stopped" in ended[0]
    assert not tenbin.dataplane_pids()


@pytest.mark.parametrize(("options", "drain"), [((), "700ms"), (("--now",), "30s")])
def test_stop_has_a_deadline_and_can_be_had_at_once(
    start_tenbin: StartTenbin, trio: Servers, options: tuple[str, ...], drain: str
) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), timeouts={"drain": drain}))
    work = Background(tenbin.address, long_operation(15_000))
    wait_for(lambda: under_way(tenbin) == 1, 5)
    begin = CLOCK.now()
    tenbin.run_cli("stop", *options)
    assert CLOCK.now() - begin < 6
    assert not tenbin.dataplane_pids()
    assert work.statuses() in ([], [502], [503])


def test_stop_ends_a_data_plane_whose_control_plane_was_killed(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    assert tenbin.process is not None
    tenbin.process.kill()
    assert tenbin.get().status == 200
    assert "stopped" in tenbin.run_cli("stop")
    assert not tenbin.dataplane_pids()
    assert _refused(tenbin)


def test_instances_have_their_own_directories_by_option_and_by_file(
    shell: Shell, ports: tuple[int, int], trio: Servers
) -> None:
    text = 'listen: "127.0.0.1:{}"\nbackends: ["127.0.0.1:{}"]\nadmin: null\n'
    files = [shell.folder / "a.yaml", shell.folder / "b.yaml"]
    files[0].write_text(text.format(ports[0], trio.port("server1")))
    files[1].write_text(text.format(ports[1], trio.port("server2")) + f"runtime_directory: {shell.folder / 'rb'}\n")
    option = f"--runtime-dir={shell.folder / 'ra'}"
    shell.env["TENBIN_RUNTIME_DIR"] = ""
    with shell.start("run", option, str(files[0])) as one, shell.start("run", str(files[1])) as two:
        for process, port, name in ((one, ports[0], "server1"), (two, ports[1], "server2")):
            address = ("127.0.0.1", port)
            process.wait_ready(lambda address=address: fetch(address, "/health").status == 200)
            assert fetch(address, "/api/whoami").server == name
        wait_for(lambda: shell.run("stop", option).returncode == 0, 10)
        assert one.wait(5) == 0
        assert fetch(("127.0.0.1", ports[1]), "/health").status == 200
        assert shell.run("stop", f"--runtime-dir={shell.folder / 'rb'}").returncode == 0
        assert two.wait(5) == 0


def _refused(tenbin: Tenbin) -> bool:
    try:
        Client(tenbin.address).close()
    except ExchangeError:
        return True
    return False
