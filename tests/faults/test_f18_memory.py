"""F18: memory runs short: new work is refused before the system ends the process, and taken again afterwards."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.kernel import resident
from support.slow import Crowd, allow_many
from tenbin.testing import Client, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

MEBIBYTE = 1 << 20
GROUPS = Path("/sys/fs/cgroup/memory")
HALF_A_BODY = b"POST /api/fast HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


def refuses(tenbin: Tenbin) -> bool:
    """Whether the data plane has said that it takes no new work."""
    return "no new work is taken" in tenbin.log()


def test_above_the_limit_requests_are_refused_and_below_it_served(start_tenbin: StartTenbin, trio: Servers) -> None:
    text = config_text(trio.first(1), threads=1)
    tenbin = start_tenbin(text)
    with Client(tenbin.address) as kept:
        assert kept.get("/api/fast").status == 200
        small = max(1, resident(tenbin.dataplane_pid) // MEBIBYTE // 2)
        assert tenbin.reload(f"{text}\nlimits: {{memory: {small}m}}\n").returncode == 0
        wait_for(lambda: refuses(tenbin), 5, "the limit is crossed")
    with Client(tenbin.address, timeout=15) as waiting:
        # It waits to be accepted; the operator sees and changes what goes on meanwhile.
        assert tenbin.reload(f"{text}\nlimits: {{memory: 0}}\n").returncode == 0
        assert waiting.get("/api/fast").status == 200
    wait_for(lambda: "new work is taken again" in tenbin.log(), 5)


def test_a_request_on_a_kept_connection_is_told_to_come_back(start_tenbin: StartTenbin, trio: Servers) -> None:
    text = config_text(trio.first(1), threads=1)
    tenbin = start_tenbin(text)
    with Client(tenbin.address) as kept:
        assert kept.get("/api/fast").status == 200
        # Above the limit, and below the margin at which idle connections close.
        limit = resident(tenbin.dataplane_pid) * 985 // 1000
        assert tenbin.reload(f"{text}\nlimits: {{memory: {limit}}}\n").returncode == 0
        wait_for(lambda: "no new work is taken" in tenbin.log(), 5)
        if not kept.peer_closed():
            answer = kept.get("/api/fast")
            assert (answer.status, answer.header("tenbin-reason")) == (503, "out-of-memory")
            assert answer.header("retry-after") == "1"
            assert not answer.keep_alive
            assert tenbin.status()["process"]["memory_refused"] == 1


@contextlib.contextmanager
def group(pid: int, limit: int) -> Iterator[Path]:
    """Put a process into a control group with so many bytes of memory (version 1)."""
    folder = GROUPS / f"tenbin-test-{pid}"
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(limit))
        (folder / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        with contextlib.suppress(OSError):
            folder.rmdir()
        pytest.skip(f"this machine lets no memory cgroup be made: {error}")
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            (GROUPS / "cgroup.procs").write_text(str(pid))
        wait_for(lambda: folder.rmdir() or True, 5, "nobody is in the group")


def test_a_control_group_that_is_too_small_kills_nobody(start_tenbin: StartTenbin, trio: Servers) -> None:
    """A crowd that needs more than the group has: it is refused, and nobody is killed."""
    allow_many()
    tenbin = start_tenbin(config_text(trio.first(1), threads=2))
    pid = tenbin.dataplane_pid
    with group(pid, 64 * MEBIBYTE) as folder:
        # What it had before is not counted in the group; every connection is.
        with Crowd(tenbin.address, 4000, HALF_A_BODY, rate=500) as crowd:
            wait_for(lambda: (crowd.step(), refuses(tenbin))[1], 10, "the limit is crossed")
        wait_for(lambda: tenbin.get("/api/fast").status == 200, 15, "it recovers")
        kills = (folder / "memory.oom_control").read_text()
        assert "oom_kill 0" in kills, kills
        assert tenbin.dataplane_pids() == [pid]
