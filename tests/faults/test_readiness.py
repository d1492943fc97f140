"""A data plane that cannot be started: readiness says so, clients wait in the backlog, and it ends by itself."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from support.bare import binary
from support.traffic import Background, get_bytes
from tenbin.testing import Tenbin, config_text, fetch, wait_for
from tenbin.testing.processes import is_running

if TYPE_CHECKING:
    from support.servers import Servers


def test_readiness_tells_whether_traffic_is_served(trio: Servers, tmp_path: Path) -> None:
    link = tmp_path / "tenbin-dataplane"
    link.symlink_to(binary())
    with Tenbin(config_text(trio.first(2)), env={"TENBIN_DATAPLANE": str(link)}) as tenbin:
        assert fetch(tenbin.admin, "/readyz").status == 200
        old = tenbin.dataplane_pid
        link.unlink()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: not is_running(old), 5)
        wait_for(lambda: fetch(tenbin.admin, "/readyz").status == 503, 5)
        assert fetch(tenbin.admin, "/healthz").status == 200
        assert "cannot be started" in wait_for(lambda: "cannot be started" in tenbin.log() and tenbin.log(), 5)
        assert tenbin.run_cli("status")
        waiting = Background(tenbin.address, *[get_bytes()] * 5)
        link.symlink_to(Path(binary()))
        assert waiting.statuses() == [200] * 5, "nobody was refused"
        wait_for(lambda: fetch(tenbin.admin, "/readyz").status == 200, 5)


def test_a_first_start_without_the_program_is_told_and_ends(trio: Servers, tmp_path: Path) -> None:
    tenbin = Tenbin(config_text(trio.first(1)), env={"TENBIN_DATAPLANE": str(tmp_path / "nothing")}, ready=False)
    try:
        tenbin.start()
        assert tenbin.process is not None
        assert tenbin.process.wait(20) == 1
        assert "Traceback" not in tenbin.log()
        assert str(tmp_path / "nothing") in tenbin.log()
    finally:
        tenbin.destroy()
