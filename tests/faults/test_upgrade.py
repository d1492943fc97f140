"""An upgrade is a reload with a new process: the same sockets, the old one ends with its work, nobody notices."""

from __future__ import annotations

import os
import re
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.bare import binary
from support.kernel import listening
from support.talk import Talk
from support.traffic import Background, long_operation, spread, under_way
from tenbin.testing import Client, Load, RunningLoad, Tenbin, config_text, wait_for
from tenbin.testing.processes import is_running

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers


def upgrade(tenbin: Tenbin) -> tuple[int, int]:
    """Upgrade and return the process ids of the old data plane and the new one."""
    said = tenbin.run_cli("upgrade")
    pids = re.search(r"(\d+) → (\d+)", said)
    assert pids is not None, said
    return int(pids[1]), int(pids[2])


def replace_program(link: Path, target: Path) -> None:
    """Install another program under the name `link`, as a package manager does: with a rename."""
    new = link.with_suffix(".new")
    new.symlink_to(target)
    new.replace(link)


@pytest.mark.slow
def test_upgrades_under_load_fail_nobody(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    sockets = listening(tenbin.address[1])
    first = tenbin.dataplane_pid
    with ExitStack() as stack:
        fresh = stack.enter_context(RunningLoad(tenbin.address, Load(rps=100, duration=30, keep_alive=False)))
        kept = stack.enter_context(RunningLoad(tenbin.address, Load(rps=100, duration=30)))
        talks = [Talk(tenbin.address) for _ in range(3)]
        wait_for(lambda: min(talk.echoed for talk in talks) > 5, 5)
        for turn in range(1, 3):
            done = fresh.done
            old, new = upgrade(tenbin)
            assert old != new
            assert new in tenbin.dataplane_pids()
            wait_for(lambda done=done: fresh.done > done + 100, 10)
            assert min(talk.echoed for talk in talks) > 5 * turn
        assert listening(tenbin.address[1]) == sockets
        assert first in tenbin.dataplane_pids(), "it still carries the WebSockets"
        summaries = [fresh.stop(), kept.stop()]
        echoed = [talk.echoed for talk in talks]
        wait_for(lambda: all(talk.echoed > count for talk, count in zip(talks, echoed, strict=True)), 5)
        for talk in talks:
            talk.stop()
    for summary in summaries:
        assert not summary.failed, summary.describe()
    assert [talk.error for talk in talks] == [None] * 3
    wait_for(lambda: tenbin.dataplane_pids() == [new], 5, "the old data planes end with their work")


def test_long_requests_end_on_the_old_process(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    work = Background(tenbin.address, *[long_operation(4000)] * 4)
    wait_for(lambda: under_way(tenbin) == 4, 5)
    old, new = upgrade(tenbin)
    assert set(tenbin.dataplane_pids()) == {old, new}
    assert not work.answers
    assert spread(tenbin.address, 10) == {"server1": 5, "server2": 5}
    assert is_running(old)
    assert work.statuses() == [200] * 4
    wait_for(lambda: tenbin.dataplane_pids() == [new], 5)


def test_what_was_known_is_known_after_an_upgrade(start_tenbin: StartTenbin, trio: Servers) -> None:
    check = {"http": "GET /health", "every": "300ms"}
    tenbin = start_tenbin(config_text(trio.ports, {"check": check, "sticky": {"cookie": "SERVERID"}}))
    tenbin.wait_health("app/server1", "up")
    first = tenbin.get()
    cookie = ("Cookie", first.header("set-cookie").partition(";")[0])
    spread(tenbin.address, 29)
    tenbin.run_cli("server", "drain", "app/server3")
    tenbin.run_cli("server", "weight", "app/server2", "4")
    before = tenbin.server("app/server1")
    upgrade(tenbin)
    after = tenbin.server("app/server1")
    assert after["health"] == "up"
    assert after["traffic"]["requests"] >= before["traffic"]["requests"] >= 10
    assert after["check"]["passed_total"] >= before["check"]["passed_total"]
    assert tenbin.server("app/server3")["admin"] == "drain"
    assert spread(tenbin.address, 10) == {"server1": 2, "server2": 8}
    assert {tenbin.get("/api/whoami", cookie).server for _ in range(4)} == {first.server}


def test_a_control_plane_killed_after_an_upgrade_finds_the_new_process(
    start_tenbin: StartTenbin, trio: Servers
) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    _, new = upgrade(tenbin)
    wait_for(lambda: tenbin.dataplane_pids() == [new], 5)
    os.kill(tenbin.pid, signal.SIGKILL)
    assert tenbin.process is not None
    tenbin.process.wait(5)
    tenbin.start()
    assert tenbin.dataplane_pids() == [new]
    assert spread(tenbin.address, 4) == {"server1": 2, "server2": 2}


def test_the_old_process_ends_at_the_deadline(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), timeouts={"drain": "500ms"}))
    work = Background(tenbin.address, long_operation(20_000))
    wait_for(lambda: under_way(tenbin) == 1, 5)
    _, new = upgrade(tenbin)
    wait_for(lambda: tenbin.dataplane_pids() == [new], 5)
    assert work.statuses() in ([], [502], [503])
    assert tenbin.get().status == 200


def test_a_program_that_cannot_run_is_refused_and_the_old_goes_on(trio: Servers, tmp_path: Path) -> None:
    link, broken = tmp_path / "tenbin-dataplane", tmp_path / "broken"
    replace_program(link, Path(binary()))
    broken.write_text("#!/bin/sh\necho not today >&2\nexit 7\n")
    broken.chmod(0o755)
    with (
        Tenbin(config_text(trio.first(2)), env={"TENBIN_DATAPLANE": str(link)}) as tenbin,
        Client(tenbin.address) as kept,
    ):
        assert kept.get("/api/fast").status == 200
        before = tenbin.dataplane_pids()
        replace_program(link, broken)
        done = tenbin.cli("upgrade")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()
        assert tenbin.dataplane_pids() == before
        assert kept.get("/api/fast").status == 200
        replace_program(link, Path(binary()))
        old, new = upgrade(tenbin)
        assert [old] == before
        assert kept.get("/api/fast").status == 200, "the old process serves what it has"
        assert tenbin.get().status == 200
        wait_for(lambda: tenbin.dataplane_pids() == [new], 5)
