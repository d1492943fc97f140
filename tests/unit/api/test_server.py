"""Where it listens, and how slow, stalled and many clients end."""

from __future__ import annotations

import asyncio
import re
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tenbin.api import AdminServer, Limits
from tenbin.errors import BindError
from tenbin.model import Address, AdminEndpoint
from tenbin.observe.prometheus import render
from unit.api.running import JSON, MemoryProcess, Running, head, running, whole
from unit.observe import samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = b"Host: localhost\r\n"


def start(server: AdminServer, address: Address | None, path: Path | None) -> None:
    asyncio.run(server.start(AdminEndpoint(address, "") if address else None, path))


def test_the_socket_is_the_owners_alone(api: Running) -> None:
    mode = api.path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_an_address_in_use_is_told_and_nothing_listens(api: Running, tmp_path: Path) -> None:
    path = tmp_path / "second.sock"
    with pytest.raises(BindError, match=rf"127.0.0.1:{api.port}: address already in use") as told:
        start(AdminServer(MemoryProcess()), Address("127.0.0.1", api.port), path)
    assert told.value.hint
    assert not path.exists()


@pytest.mark.parametrize("name", ["a" * 120, "missing/admin.sock"])
def test_a_socket_that_cannot_be_made_is_told_and_nothing_listens(tmp_path: Path, name: str) -> None:
    server = AdminServer(MemoryProcess())
    with pytest.raises(BindError, match=r"cannot listen on .*admin\.sock|cannot listen on .*aaa"):
        start(server, Address("127.0.0.1", 0), tmp_path / name)
    assert server.address is None


def test_a_host_that_is_not_ours_is_told() -> None:
    with pytest.raises(BindError, match=r"192\.0\.2\.1:8404"):
        start(AdminServer(MemoryProcess()), Address("192.0.2.1", 8404), None)


def test_a_dead_process_socket_is_replaced_and_a_successors_is_kept(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "admin.sock"))
    with running(tmp_path) as old:
        assert old.ask("GET", "/healthz", unix=True).status == 200
        with running(tmp_path) as successor:
            old.stop()
            assert successor.ask("GET", "/healthz", unix=True).status == 200
        assert not successor.path.exists()


def test_a_head_that_dribbles_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(head_time=0.2)) as api, api.raw() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST)
        assert whole(connection).startswith(b"HTTP/1.1 408")


def test_the_second_head_on_a_connection_has_a_deadline_too(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(head_time=0.3)) as api, api.raw() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\nGET /hea")
        answer = whole(connection)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert answer.count(b"HTTP/1.1 408") == 1


def test_who_says_nothing_is_closed_without_a_word(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(head_time=0.2)) as api, api.raw() as connection:
        assert connection.recv(4096) == b""


def test_pipelined_requests_are_answered_in_order(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall((b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 3 + b"GET /no HTTP/1.0\r\n\r\n")
        answer = whole(connection)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200"] * 3 + [b"404"]


def test_what_is_not_http_gets_a_json_error(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall(b"\x16\x03\x01\x00\xa5\r\n\r\n")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"error"' in answer


def test_a_huge_head_is_refused(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


def test_one_connection_too_many_is_turned_away_and_the_socket_still_answers(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(clients=5)) as api:
        held = [api.raw() for _ in range(5)]
        until(lambda: b"503" in first_answer(api))
        assert api.ask("GET", "/healthz", unix=True).status == 200
        for connection in held:
            connection.close()
        until(lambda: b"200" in first_answer(api))


def test_a_client_that_does_not_read_is_ended(tmp_path: Path) -> None:
    process = MemoryProcess(config=samples.large(1000))
    with running(tmp_path, process=process, limits=Limits(stall_time=0.3)) as api:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", api.port))
        connection.sendall(b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
        until(lambda: len(connections(api)) == 1)
        until(lambda: len(connections(api)) == 0)
        connection.close()


def test_a_slow_reader_that_reads_gets_everything(tmp_path: Path) -> None:
    assert any(read_slowly(tmp_path) for _ in range(3)), "a busy machine may stop this reader, but not three times"


def read_slowly(directory: Path) -> bool:
    """Read for longer than two stalls without stalling; tell whether everything came."""
    process = MemoryProcess(config=samples.large(1000))
    with running(directory, process=process, limits=Limits(stall_time=2.0)) as api, api.raw() as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        begun = time.perf_counter()
        received = 0
        while time.perf_counter() < begun + 4.5:
            received += len(connection.recv(50_000))
            threading.Event().wait(0.05)
        return received + len(whole(connection)) > len(render(process.known()))


def test_stop_waits_for_no_client_whatever_it_does(tmp_path: Path) -> None:
    """An idle, a half-sent, an unread and an unanswered request: the bounds of any of them are ten seconds or more."""
    process = MemoryProcess(config=samples.large(1000), hang=True)
    with running(tmp_path, process=process) as api:
        clients = idle, half, unread, unanswered = [api.raw() for _ in range(4)]
        half.sendall(b"GET /healthz HTTP/1.1\r\n")
        unread.sendall(b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
        assert unread.recv(1) == b"H"
        unanswered.sendall(head(b"Content-Length: 0"))
        until(lambda: len(connections(api)) == len(clients) and process.entered)
        begun = time.perf_counter()
        api.stop()
        assert time.perf_counter() - begun < 5
        assert not api.path.exists()
        with pytest.raises(ConnectionRefusedError):
            api.raw()
        for connection in (idle, half, unread, unanswered):
            connection.close()


def test_a_request_under_way_ends_when_stopping(tmp_path: Path) -> None:
    entered, finish = threading.Event(), threading.Event()

    class Slow(MemoryProcess):
        async def compat_metrics(self) -> str:
            return ""

        async def upgrade(self) -> str:
            entered.set()
            await asyncio.get_running_loop().run_in_executor(None, finish.wait)
            return "done"

    with running(tmp_path, process=Slow()) as api:
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(api.ask("POST", "/api/v1/upgrade", b"", JSON, unix=True).status)
        )
        asking.start()
        assert entered.wait(5)
        stopping = threading.Thread(target=api.stop)
        stopping.start()
        finish.set()
        asking.join(5)
        stopping.join(5)
        assert answers == [202]


def test_importing_the_api_does_not_import_the_framework() -> None:
    import subprocess
    import sys

    code = "import sys, tenbin.api; print([name for name in ('fastapi', 'uvicorn') if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert out.stdout.strip() == "[]"


def environment() -> dict[str, str]:
    import os
    from pathlib import Path

    import tenbin

    return {**os.environ, "PYTHONPATH": str(Path(tenbin.__file__).parent.parent)}


def connections(api: Running) -> set[object]:
    tcp, _task = api.server._running[0]
    return set(tcp.server_state.connections)


def first_answer(api: Running) -> bytes:
    with api.raw() as connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            answer: bytes = connection.recv(4096)
        except OSError:
            return b""
        return answer


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds  # noqa: TID251 - tests wait on the real clock
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"  # noqa: TID251
        threading.Event().wait(0.01)
