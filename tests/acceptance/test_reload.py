"""Twenty reloads under load, and a broken file: nobody notices."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from support.talk import Talk
from tenbin.testing import Load, RunningLoad, config_text

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers


@pytest.mark.slow
def test_20_reloads_under_load_fail_nobody(start_tenbin: StartTenbin, trio: Servers) -> None:
    two, three = config_text(trio.first(2)), config_text(trio.first(3), {"balance": "least_conn"})
    tenbin = start_tenbin(two)
    before = tenbin.dataplane_pids()
    with ExitStack() as stack:
        fresh = stack.enter_context(RunningLoad(tenbin.address, Load(rps=100, duration=60, keep_alive=False)))
        kept = stack.enter_context(RunningLoad(tenbin.address, Load(rps=100, duration=60)))
        talks = [Talk(tenbin.address) for _ in range(3)]
        for i in range(20):
            done = tenbin.reload(three if i % 2 == 0 else two)
            assert done.returncode == 0, done.stderr
        summaries = [fresh.stop(), kept.stop()]
        for talk in talks:
            talk.stop()
    for summary in summaries:
        assert not summary.failed, summary.describe()
        assert len(summary.records) > 100
    assert [talk.error for talk in talks] == [None] * 3
    assert min(talk.echoed for talk in talks) > 10
    assert tenbin.dataplane_pids() == before


def test_a_broken_file_changes_nothing_and_its_place_is_told(start_tenbin: StartTenbin, trio: Servers) -> None:
    good = config_text(trio.first(2))
    tenbin = start_tenbin(good)
    generation = tenbin.status()["generation"]
    with RunningLoad(tenbin.address, Load(rps=100, duration=20)) as run:
        for broken in (
            good.replace("servers:", "serverz:"),
            "frontends: [",
            good.replace("backend: app", "backend: ap"),
        ):
            done = tenbin.reload(broken)
            assert done.returncode == 1, done.stdout
            assert f"{tenbin.file.name}:" in done.stdout + done.stderr
            place = (done.stdout + done.stderr).split(f"{tenbin.file.name}:")[1].split(":")
            assert place[0].isdigit()
            assert place[1].split()[0].strip(",").isdigit()
        summary = run.stop()
    assert not summary.failed, summary.describe()
    assert tenbin.status()["generation"] == generation
    assert {tenbin.get().server for _ in range(4)} == {"server1", "server2"}
