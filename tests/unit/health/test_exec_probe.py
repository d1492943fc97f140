"""The exec probe with real programs."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tenbin.health.probe import Probes
from tenbin.health.result import CheckStatus, Outcome
from tenbin.model import ExecCheck
from unit.health.support import check, target, until

pytestmark = pytest.mark.anyio


async def run(script: str, timeout: int = 20_000) -> Outcome:  # noqa: ASYNC109 - a setting
    how = check(ExecCheck(("/bin/sh", "-c", script)), timeout=timeout)
    return await Probes()(target("s1", 8080, how, host="::1"))


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


async def test_passes_with_zero_and_keeps_the_first_line() -> None:
    assert await run("echo lag 3 ms; echo more") == Outcome(CheckStatus.PROCOK, 0, "lag 3 ms")


async def test_fails_with_the_exit_code() -> None:
    assert await run("echo no primary >&2; exit 3") == Outcome(CheckStatus.PROCERR, 3, "exit code 3: no primary")


async def test_fails_with_a_signal() -> None:
    assert await run("kill -9 $$") == Outcome(CheckStatus.PROCERR, -9, "killed by signal 9")


async def test_the_program_knows_its_server() -> None:
    outcome = await run('echo "$TENBIN_BACKEND $TENBIN_SERVER $TENBIN_ADDRESS $TENBIN_PORT"')
    assert outcome.text == "app s1 ::1 8080"
    names = (f"$HAPROXY_{name}" for name in ("PROXY_NAME", "SERVER_NAME", "SERVER_ADDR", "SERVER_PORT"))
    assert (await run(f'echo "{" ".join(names)}"')).text == "app s1 ::1 8080"


async def test_a_program_that_does_not_exist() -> None:
    outcome = await Probes()(target(how=check(ExecCheck(("/nowhere/check",)))))
    assert outcome == Outcome(CheckStatus.PROCERR, None, "cannot start /nowhere/check: No such file or directory")


async def test_a_timeout_kills_the_whole_group(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    outcome = await run(f"sleep 600 & echo $! $$ > {pids}; echo waiting; wait", timeout=1500)
    assert (outcome.status, outcome.text) == (CheckStatus.PROCTOUT, "did not end in time: waiting")
    await until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


async def test_children_left_behind_neither_delay_nor_survive(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    outcome = await run(f"sleep 600 & echo $! > {pid}; echo done")
    assert outcome == Outcome(CheckStatus.PROCOK, 0, "done")
    await until(lambda: not alive(int(pid.read_text())))


async def test_a_withdrawn_check_kills_its_program(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    task = asyncio.ensure_future(run(f"echo $$ > {pid}; sleep 600"))
    await until(lambda: pid.exists() and pid.read_text().strip())
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await until(lambda: not alive(int(pid.read_text())))


async def test_a_talkative_program_neither_blocks_nor_fills_memory() -> None:
    how = check(ExecCheck((sys.executable, "-c", "print('x' * 5_000_000)")), timeout=20_000)
    outcome = await Probes()(target(how=how))
    assert (outcome.status, len(outcome.text)) == (CheckStatus.PROCOK, 200)


async def test_descriptors_do_not_leak() -> None:
    await run("true")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only the number counts
    for _ in range(5):
        await run("true")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
