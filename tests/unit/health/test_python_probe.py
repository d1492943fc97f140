"""The Python probe with real files."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import contextmanager
from textwrap import dedent
from typing import TYPE_CHECKING, Self

import pytest

from tenbin.health.probe import Probes
from tenbin.health.result import CheckStatus, Outcome
from tenbin.model import PythonCheck
from unit.health.support import check, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

HEAD = "import asyncio, sys, threading\nfrom tenbin.health import CheckStatus, Result\n"


class File:
    """A file of checks and the probes that call it."""

    def __init__(self, path: Path, probes: Probes) -> None:
        self.path = path
        self.probes = probes

    def write(self, body: str, head: str = HEAD) -> None:
        """Replace the file's text; `body` is what `check` does."""
        self.path.write_text(
            f"{head}\nasync def check(server):\n" + "".join(f"    {x}\n" for x in dedent(body).splitlines())
        )

    async def call(self, timeout: int = 20_000, name: str = "s1") -> Outcome:  # noqa: ASYNC109 - a setting
        how = check(PythonCheck(str(self.path), "check"), timeout=timeout)
        return await self.probes(target(name, 8080, how))


@contextmanager
def probes() -> Iterator[Probes]:
    made = Probes()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    with probes() as made:
        yield File(tmp_path / "checks.py", made)


async def test_passes_and_fails_as_the_result_says(file: File) -> None:
    file.write("return Result.passed('lag 3 ms')")
    assert await file.call() == Outcome(CheckStatus.PROCOK, None, "lag 3 ms")
    file.write("return Result.failed('replica', status=CheckStatus.L7STS, code=503)")
    assert await file.call() == Outcome(CheckStatus.L7STS, 503, "replica")


async def test_the_function_knows_its_server(file: File) -> None:
    file.write("return Result.passed(f'{server.backend} {server.name} {server.host} {server.port} {server.address}')")
    assert (await file.call()).text == "app s1 127.0.0.1 8080 127.0.0.1:8080"


async def test_an_exception_fails_with_its_place(file: File) -> None:
    file.write("await asyncio.sleep(0)\nreturn {}['role']")
    assert await file.call() == Outcome(CheckStatus.PROCERR, None, "KeyError: 'role' (checks.py:6)")


@pytest.mark.parametrize("leave", ["sys.exit(1)", "raise KeyboardInterrupt"])
async def test_a_check_cannot_end_the_program(file: File, leave: str) -> None:
    file.write(leave)
    assert (await file.call()).status is CheckStatus.PROCERR
    file.write("return Result.passed()")
    assert (await file.call()).status is CheckStatus.PROCOK


async def test_a_check_that_cancels_itself_fails(file: File) -> None:
    file.write("raise asyncio.CancelledError")
    assert await file.call() == Outcome(CheckStatus.PROCERR, None, "cancelled itself")


async def test_anything_but_a_result_fails(file: File) -> None:
    file.write("return True")
    assert (await file.call()).text == "returned bool, expected tenbin.health.Result"


async def test_a_timeout_cancels(file: File) -> None:
    file.write("try:\n    await asyncio.sleep(600)\nfinally:\n    stopped.set()", HEAD + "stopped = threading.Event()")
    assert (await file.call(timeout=100)).status is CheckStatus.PROCTOUT
    file.write("return Result.passed(str(sys.modules[__name__]))")
    assert (await file.call()).status is CheckStatus.PROCOK


async def test_a_file_is_loaded_once_and_again_when_it_changed(file: File) -> None:
    counting = HEAD + "calls = []"
    file.write("calls.append(1)\nreturn Result.passed(f'{len(calls)} calls')", counting)
    assert [(await file.call()).text for _ in range(3)] == ["1 calls", "2 calls", "3 calls"]
    file.write("calls.append(1)\nreturn Result.passed(f'{len(calls)} anew')", counting)
    assert (await file.call()).text == "1 anew"


async def test_a_broken_change_keeps_the_last_good_file_and_says_so(file: File) -> None:
    file.write("return Result.passed('fine')")
    await file.call()
    file.path.write_text("def check(:\n")
    outcome = await file.call()
    assert outcome.status is CheckStatus.PROCOK
    assert outcome.text.startswith("fine cannot load checks.py: SyntaxError")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def check(:\n", "cannot load checks.py: SyntaxError"),
        ("import nowhere_at_all\n", "cannot load checks.py: ModuleNotFoundError"),
        ("raise SystemExit\n", "cannot load checks.py: SystemExit"),
        ("def check(server): ...\n", "checks.py has no `async def check(server)`"),
        ("", "checks.py has no `async def check(server)`"),
    ],
)
async def test_a_file_that_never_loaded_fails(file: File, text: str, reason: str) -> None:
    file.path.write_text(text)
    outcome = await file.call()
    assert outcome.status is CheckStatus.PROCERR
    assert outcome.text.startswith(reason)


async def test_dataclasses_work_in_a_file(file: File) -> None:
    head = "from __future__ import annotations\n" + HEAD
    head += "from dataclasses import dataclass\n@dataclass\nclass Lag:\n    ms: int\n"
    file.write("return Result.passed(str(Lag(3).ms))", head)
    assert await file.call() == Outcome(CheckStatus.PROCOK, None, "3")


async def test_a_check_that_holds_its_thread_is_named(file: File) -> None:
    file.write("threading.Event().wait(0.15)\nreturn Result.passed('slow')")
    outcome = await file.call()
    assert outcome.status is CheckStatus.PROCOK
    assert re.fullmatch(r"slow \(held its thread \d{3,} ms: await instead of blocking\)", outcome.text)


class Gate:
    """Something to block on: a named pipe that nobody writes to until it is opened."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def open(self) -> None:
        """Let everyone through who blocks on it."""
        os.close(os.open(self.path, os.O_RDWR | os.O_NONBLOCK))


async def test_a_check_that_blocks_stalls_neither_the_program_nor_later_checks(file: File, tmp_path: Path) -> None:
    with Gate(tmp_path / "gate") as gate:
        file.write(f"if server.name == 'bad':\n    open('{gate.path}').close()\nreturn Result.passed()")
        assert (await file.call()).status is CheckStatus.PROCOK
        bad = asyncio.ensure_future(file.call(timeout=300, name="bad"))
        await asyncio.sleep(0)  # noqa: TID251 - the bad one goes first
        behind = asyncio.ensure_future(file.call(timeout=300, name="good"))
        assert await bad == Outcome(
            CheckStatus.PROCTOUT, None, "blocks its thread: use await instead of blocking calls"
        )
        assert (await behind).status is CheckStatus.SOCKERR
        assert (await file.call()).status is CheckStatus.PROCOK


async def test_another_files_checks_go_on_beside_a_blocked_one(file: File, tmp_path: Path) -> None:
    other = File(tmp_path / "other.py", file.probes)
    with Gate(tmp_path / "gate") as gate:
        file.write(f"open('{gate.path}').close()\nreturn Result.passed()")
        other.write("return Result.passed()")
        blocked = asyncio.ensure_future(file.call())
        assert (await other.call()).status is CheckStatus.PROCOK
        assert not blocked.done()
        while not blocked.done():
            gate.open()
            await asyncio.sleep(0)  # noqa: TID251 - until the check has come to the gate
        assert (await blocked).status is CheckStatus.PROCOK


async def test_a_file_whose_checks_block_again_and_again_is_given_up(file: File, tmp_path: Path) -> None:
    with Gate(tmp_path / "gate") as gate:
        file.write(f"open('{gate.path}').close()\nreturn Result.passed()")
        outcomes = [await file.call(timeout=50) for _ in range(6)]
        assert [outcome.status for outcome in outcomes] == ["PROCTOUT"] * 4 + ["SOCKERR"] * 2
        assert "stuck" in outcomes[-1].text
