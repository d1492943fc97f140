"""A file that cannot be used, however its reload was asked for: the old one holds, and the log says where."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from support.traffic import spread
from tenbin.testing import Load, RunningLoad, config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers


@pytest.mark.parametrize("way", ["HUP", "USR2", "watch"])
def test_the_old_file_holds_and_the_next_good_one_is_taken(start_tenbin: StartTenbin, trio: Servers, way: str) -> None:
    watch = {"watch": way == "watch"}
    good = config_text(trio.first(1), **watch)
    tenbin = start_tenbin(good)

    def order() -> None:
        if way != "watch":
            assert tenbin.process is not None
            tenbin.process.signal(getattr(signal, f"SIG{way}"))

    generation = tenbin.status()["generation"]
    with RunningLoad(tenbin.address, Load(rps=50, duration=30)) as run:
        tenbin.write(good.replace("servers:", "serverz:"))
        order()
        place = rf"{re.escape(tenbin.file.name)}:\d+:\d+"
        wait_for(lambda: re.search(place, tenbin.log()), 8, "the log says where")
        assert "serverz" in tenbin.log()
        assert tenbin.status()["generation"] == generation
        assert set(spread(tenbin.address, 4)) == {"server1"}
        tenbin.write(config_text(trio.first(2), **watch))
        order()
        wait_for(lambda: set(spread(tenbin.address, 4)) == {"server1", "server2"}, 8)
        summary = run.stop()
    assert not summary.failed, summary.describe()
    wait_for(lambda: tenbin.status()["generation"] > generation, 3, lambda: str(tenbin.log()))


def test_a_file_that_is_replaced_again_and_again_ends_as_the_last(start_tenbin: StartTenbin, trio: Servers) -> None:
    """Editors write a new file and rename it, and some do so twice."""
    tenbin = start_tenbin(config_text(trio.first(1), watch=True))
    real = tenbin.file
    for count in (2, 3, 1, 2, 3):
        tenbin.file = real.with_suffix(".new")
        tenbin.write(config_text(trio.first(count), watch=True))
        tenbin.file.replace(real)
    tenbin.file = real
    wait_for(lambda: set(spread(tenbin.address, 6)) == {"server1", "server2", "server3"}, 8)
    assert tenbin.get().status == 200


def test_many_orders_at_once_are_one_after_the_other(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(1)))
    tenbin.write(config_text(trio.first(3)))
    assert tenbin.process is not None
    for _ in range(20):
        tenbin.process.signal(signal.SIGHUP)
        tenbin.process.signal(signal.SIGUSR2)
    wait_for(lambda: set(spread(tenbin.address, 6)) == {"server1", "server2", "server3"}, 8)
    assert tenbin.status()["attached"]
