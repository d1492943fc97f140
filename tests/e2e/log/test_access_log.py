"""The access log: a line a request, in JSON or for people, escaped, and never in the way."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from support.traffic import get_bytes, parallel
from tenbin.testing import Client, Load, RunningLoad, config_text, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers


def lines(file: Path, count: int) -> list[str]:
    """Wait for so many lines and return them."""
    wait_for(lambda: file.exists() and len(file.read_text().splitlines()) >= count, 5, f"{count} lines in {file}")
    return file.read_text().splitlines()


def logged(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path, form: str = "json") -> tuple[Any, Path]:
    file = tmp_path / "access.log"
    return start_tenbin(config_text(trio.first(2), log={"access": str(file), "format": form})), file


def test_a_json_line_a_request(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    tenbin, file = logged(start_tenbin, trio, tmp_path)
    tenbin.get("/bytes?n=1234", ("User-Agent", "test/1"))
    tenbin.get("/nothing")
    # Two threads may have served them, and hand over their lines when each sees fit.
    by_target = {str(line["target"]): line for line in map(json.loads, lines(file, 2))}
    first, second = by_target["/bytes?n=1234"], by_target["/nothing"]
    text = json.dumps(first)
    assert first["status"] == 200
    assert second["status"] == 404
    for value in ("/bytes?n=1234", "GET", "server1", "app", "web", "127.0.0.1"):
        assert value in text, (value, first)


def test_own_answers_are_logged_with_their_reason(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    tenbin, file = logged(start_tenbin, trio, tmp_path)
    with Client(tenbin.address) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        assert client.read_response().status == 400
    assert "host-missing" in lines(file, 1)[0]


def test_what_peers_say_cannot_forge_a_line(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    for form in ("json", "human"):
        folder = tmp_path / form
        folder.mkdir()
        tenbin, file = logged(start_tenbin, trio, folder, form)
        with Client(tenbin.address) as client:
            client.send(b'GET /"%0a\xe3 HTTP/1.1\r\nHost: a\r\n\r\n')
            client.read_response()
        tenbin.get('/a"b\\c%0Afake')
        found = lines(file, 2)
        assert len(found) == 2
        assert all(line.isprintable() for line in found)


def test_lines_for_people(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    tenbin, file = logged(start_tenbin, trio, tmp_path, "human")
    tenbin.get("/api/fast")
    line = lines(file, 1)[0]
    assert not line.startswith("{")
    assert "GET" in line
    assert "/api/fast" in line
    assert "200" in line


def test_every_request_has_its_line(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    tenbin, file = logged(start_tenbin, trio, tmp_path)
    parallel(tenbin.address, [get_bytes()] * 300)
    assert len(lines(file, 300)) == 300


def test_after_a_reload_lines_go_to_a_new_file_when_the_old_one_was_renamed(
    start_tenbin: StartTenbin, trio: Servers, tmp_path: Path
) -> None:
    tenbin, file = logged(start_tenbin, trio, tmp_path)
    tenbin.get("/api/before")
    assert "/api/before" in lines(file, 1)[0]
    renamed = file.rename(tmp_path / "access.log.1")
    tenbin.get("/api/between")
    assert "/api/between" in lines(renamed, 2)[1]
    assert tenbin.cli("reload").returncode == 0
    tenbin.get("/api/after")
    assert "/api/after" in lines(file, 1)[0]


def test_a_log_nobody_reads_stalls_nothing(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        tenbin = start_tenbin(config_text(trio.first(2), log={"access": str(pipe), "format": "json"}))
        with RunningLoad(tenbin.address, Load(rps=400, duration=4, target="/api/fast?" + "x" * 2000)) as run:
            summary = run.result()
        assert not summary.failed, summary.describe()
        assert summary.longest_gap() < 2, summary.describe()
    finally:
        os.close(reader)


def test_the_log_can_be_turned_off(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), log="none"))
    tenbin.get("/bytes?n=77")
    tenbin.run_cli("status")
    assert "/bytes" not in tenbin.log()


def test_stdout_is_json_when_it_is_no_terminal(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    tenbin.get("/bytes?n=78")
    line = wait_for(lambda: next((line for line in tenbin.log().splitlines() if "/bytes?n=78" in line), ""), 5)
    assert json.loads(line)["status"] == 200


def test_the_last_lines_are_kept_when_it_stops_at_once(
    start_tenbin: StartTenbin, trio: Servers, tmp_path: Path
) -> None:
    tenbin, file = logged(start_tenbin, trio, tmp_path)
    for i in range(20):
        assert tenbin.get(f"/api/fast?last={i}.").status == 200
    tenbin.run_cli("stop", "--now")
    text = file.read_text()
    assert [i for i in range(20) if f"last={i}." not in text] == []


def test_a_pipe_may_get_its_reader_later(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    tenbin = start_tenbin(config_text(trio.first(1), log={"access": str(pipe), "format": "json"}))
    assert tenbin.get("/api/fast?early").status == 200
    wait_for(lambda: tenbin.status()["process"]["log_dropped"] == 1, 5, "the line is counted")
    wait_for(lambda: "cannot be opened" in tenbin.log(), 5, tenbin.log)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:

        def read() -> bytes:
            tenbin.get("/api/fast?late")
            return os.read(reader, 65536)

        line = wait_for(read, 5, "lines come").splitlines()[0]
        assert json.loads(line)["status"] == 200
    finally:
        os.close(reader)


def test_a_reload_frees_a_log_that_nobody_reads(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "access.log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        tenbin = start_tenbin(config_text(trio.first(1), log={"access": str(pipe), "format": "json"}))
        with RunningLoad(tenbin.address, Load(rps=200, duration=20, target="/api/fast?" + "x" * 2000)) as run:
            wait_for(lambda: run.done > 150, 10, "the pipe is full")
            assert tenbin.reload(config_text(trio.first(1), log=str(file))).returncode == 0
            wait_for(lambda: file.exists() and file.stat().st_size > 2000, 5, "lines go to the file")
            assert not run.stop().failed
    finally:
        os.close(reader)
