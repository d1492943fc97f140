"""How many connections begin in a second, where that is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.runtime_api import Api, tenbin_on
from tenbin.clock import SystemClock
from tenbin.testing.client import fetch
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = """
global
  stats socket {socket} mode 600 level admin
  maxconnrate 1000
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 5s
frontend free
  bind 127.0.0.1:%d
  http-request return status 200
frontend slow
  bind 127.0.0.1:%d
  rate-limit sessions 2
  http-request return status 200
"""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, int, int]]:
    lease = Lease(2)
    try:
        with tenbin_on(TEXT % tuple(lease.ports), tmp_path_factory.mktemp("rt")) as api:
            yield (api, *lease.ports)
    finally:
        lease.release()


def _seconds(port: int, count: int) -> float:
    clock = SystemClock()
    begun = clock.now()
    assert {fetch(("127.0.0.1", port), "/").status for _ in range(count)} == {200}
    return clock.now() - begun


def test_what_comes_too_early_waits_and_is_served(place: tuple[Api, int, int]) -> None:
    api, free, slow = place
    assert api.stat()["slow", "FRONTEND"]["rate_lim"] == "2"
    assert _seconds(slow, 5) > 1.0
    # Others do not wait with them.
    assert api.stat()["free", "FRONTEND"]["rate_lim"] == "0"
    assert _seconds(free, 20) < 9.0


def test_limits_of_the_process_change_at_run_time(place: tuple[Api, int, int]) -> None:
    api, free, _ = place
    assert "ConnRateLimit: 1000\n" in api("show info")
    assert api("set rate-limit connections global 2") == "\n"
    assert "ConnRateLimit: 2\n" in api("show info")
    assert _seconds(free, 5) > 1.0
    assert api("set rate-limit connections global 0") == "\n"
    assert api("set rate-limit sessions global 3") == "\n"
    assert "SessRateLimit: 3\n" in api("show info")
    assert _seconds(free, 8) > 1.0
