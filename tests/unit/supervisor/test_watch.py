"""Changes of files are noticed however they come about: written, replaced, moved into place, behind links."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from tenbin.clock import SystemClock
from tenbin.supervisor.watch import Watch, stamps

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def write(folder: Path) -> None:
    (folder / "site.pem").write_text("new")


def replace(folder: Path) -> None:
    new = folder / ".new"
    new.write_text("old")
    new.rename(folder / "site.pem")


def link(folder: Path) -> None:
    other = folder.with_name("archive")
    other.mkdir()
    (other / "site2.pem").write_text("old")
    (folder / "site.pem").unlink()
    (folder / "site.pem").symlink_to(other / "site2.pem")


def exchange(folder: Path) -> None:
    """Another directory under the name."""
    folder.rename(folder.with_name("before"))
    folder.mkdir()
    (folder / "site.pem").write_text("new")


def allow(folder: Path) -> None:
    (folder / "site.pem").chmod(0o640)


def remove(folder: Path) -> None:
    (folder / "site.pem").unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "live"
    folder.mkdir()
    (folder / "site.pem").write_text("old")
    return folder


@pytest.mark.parametrize("change", [write, replace, link, exchange, allow, remove])
def test_a_change_is_noticed_once(folder: Path, change: Callable[[Path], None]) -> None:
    paths = (folder, folder / "site.pem")

    async def run() -> None:
        watch = Watch(lambda: paths, stamps(paths), SystemClock())
        noticed = asyncio.ensure_future(watch.changed())
        # What happens before it has begun to watch is noticed, too.
        await asyncio.to_thread(change, folder)
        await asyncio.wait_for(noticed, 10)
        # It may have been noticed halfway; whoever is told reads all of it.
        watch.read(stamps(paths))
        assert not await watch.changed_within(1.2)

    asyncio.run(run())


def test_what_was_read_meanwhile_is_no_change(folder: Path) -> None:
    paths = (folder / "site.pem",)

    async def run() -> None:
        watch = Watch(lambda: paths, stamps(paths), SystemClock())
        write(folder)
        watch.read(stamps(paths))
        assert not await watch.changed_within(0.5)
        await asyncio.to_thread(os.utime, folder / "site.pem", (1, 1))
        await asyncio.wait_for(watch.changed(), 10)

    asyncio.run(run())


def test_without_files_it_waits_for_some(folder: Path) -> None:
    paths: list[Path] = []

    async def run() -> None:
        watch = Watch(lambda: paths, {}, SystemClock())
        noticed = asyncio.ensure_future(watch.changed())
        await SystemClock().sleep(0)
        paths.append(folder / "site.pem")
        watch.read(stamps(paths))
        write(folder)
        await asyncio.wait_for(noticed, 10)

    asyncio.run(run())


def test_a_directory_that_cannot_be_watched_is_looked_at(folder: Path, tmp_path: Path) -> None:
    async def run() -> None:
        watch = Watch(lambda: (folder / "site.pem",), stamps([folder / "site.pem"]), SystemClock())
        await asyncio.wait_for(watch._stirred({tmp_path / "gone": 1}), 10)

    asyncio.run(run())
