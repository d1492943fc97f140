"""Outages outlive the control plane."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tenbin.clock import SystemClock
from tenbin.control.outages import OutageFile
from tenbin.model import Health, ServerId
from tenbin.observe.outage import OutageBook, Outages, Service
from tenbin.state import Overlay, State
from unit.control.support import HurriedClock, quiet, until

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.observe.sentences import Sentence

S1 = ServerId("app", "s1")
KNOWN = Outages({S1: Service(False, 990.0, 2, 5.5)}, {"app": Service(True, 995.0, 1, 3.0)})
NOTHING = Outages({}, {})


class SetClock(SystemClock):
    """Shows what a test says."""

    def __init__(self, now: float, wall: datetime) -> None:
        super().__init__(1)
        self.shown, self.date = now, wall

    def now(self) -> float:
        return self.shown

    def wall(self) -> datetime:
        return self.date


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_another_process_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "outages.json"
    OutageFile(path, SetClock(1000, NOON)).write(KNOWN)
    later = OutageFile(path, SetClock(50, NOON + timedelta(seconds=60))).read()
    assert later.servers[S1] == Service(False, -20.0, 2, 5.5), "its outage began 70 seconds ago"
    assert later.servers[S1].downtime(50) == 75.5
    assert later.backends["app"] == Service(True, -15.0, 1, 3.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_wall_clock_that_was_set_back_makes_no_outage_of_the_future(tmp_path: Path) -> None:
    path = tmp_path / "outages.json"
    OutageFile(path, SetClock(1000, NOON)).write(KNOWN)
    later = OutageFile(path, SetClock(50, NOON - timedelta(days=1))).read()
    assert later.servers[S1].since == 50


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"format": 2, "servers": [], "backends": []}',
        '{"format": 1, "servers": [1], "backends": []}',
        '{"format": 1, "servers": [], "backends": [{"backend": "app", "serving": 1, "downs": 1, "before": 0}]}',
        '{"format": 1, "servers": [{"serving": true, "since": "2026-01-01", "downs": 1, "before": 0}], "backends": []}',
    ],
)
def test_a_damaged_file_costs_the_figures_and_nothing_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "outages.json"
    path.write_text(text)
    assert OutageFile(path, SystemClock()).read() == NOTHING


def test_a_new_data_plane_begins_without_outages(tmp_path: Path) -> None:
    file = OutageFile(tmp_path / "outages.json", SystemClock())
    file.forget()
    file.write(KNOWN)
    file.forget()
    assert file.read() == NOTHING


def test_changes_are_written_as_they_come_and_a_full_disk_is_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    said: list[Sentence] = []
    book, clock = OutageBook(), HurriedClock()
    config = quiet("s1")
    file = OutageFile(folder / "outages.json", clock)

    def turn(health: Health) -> None:
        book.follow(State(config, Overlay().changed(S1, health=health), 1), clock.now())

    async def play() -> None:
        keeping = asyncio.create_task(file.keep(book, said.append))
        turn(Health.DOWN)
        await until(lambda: len(said) == 1)
        beats = len(clock.slept)
        await until(lambda: len(clock.slept) > beats + 3)
        folder.mkdir()
        await until(lambda: S1 in file.read().servers)
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping

    asyncio.run(asyncio.wait_for(play(), 20))
    assert [sentence.event for sentence in said] == ["outages_not_kept"]
    assert not file.read().servers[S1].serving
