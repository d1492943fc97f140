"""h2load: thousands of requests over few connections, with TLS and without, one and a hundred at a time."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2e.clients.conftest import Doors

H2LOAD = shutil.which("h2load")
pytestmark = pytest.mark.skipif(H2LOAD is None, reason="h2load is not installed")

REQUESTS = 2000


def all_succeed(*arguments: str) -> None:
    command = (H2LOAD or "h2load", "--requests", str(REQUESTS), "--connection-inactivity-timeout", "10", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)
    found = re.search(r"requests: (\d+) total.* (\d+) succeeded, (\d+) failed", done.stdout)
    assert found, done.stdout + done.stderr
    assert found.groups() == (str(REQUESTS), str(REQUESTS), "0"), done.stdout
    assert f"status codes: {REQUESTS} 2xx" in done.stdout


@pytest.mark.parametrize("streams", [1, 100])
def test_with_tls(doors: Doors, streams: int) -> None:
    all_succeed(
        "--clients", "4", "--max-concurrent-streams", str(streams), f"https://localhost:{doors.secure[1]}/api/fast"
    )


@pytest.mark.parametrize("streams", [1, 100])
def test_without_tls(doors: Doors, streams: int) -> None:
    all_succeed(
        "--clients", "4", "--max-concurrent-streams", str(streams), f"http://127.0.0.1:{doors.plain[1]}/api/fast"
    )


def test_http1(doors: Doors) -> None:
    all_succeed("--clients", "8", "--h1", f"https://localhost:{doors.secure[1]}/api/fast")


def test_bodies_both_ways(doors: Doors, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("h2load") / "body"
    file.write_bytes(b"x" * 40_000)
    url = f"https://localhost:{doors.secure[1]}/echo"
    all_succeed("--clients", "4", "--max-concurrent-streams", "20", "--data", str(file), url)
