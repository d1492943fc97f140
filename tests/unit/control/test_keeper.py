"""A data plane serves at all times."""

from __future__ import annotations

import asyncio

import pytest

from tenbin.dataplane.fake import FakeDataplane
from tenbin.errors import DataplaneError
from tenbin.model import Duration, Health, ServerId
from tenbin.plan.compile import BLANK, compile_snapshot
from tenbin.state import Overlay, State
from tenbin.testing import Lease
from unit.control.support import Scene, play, quiet, until
from unit.plan.samples import config, frontend

S1 = ServerId("app", "s1")


def test_a_dead_data_plane_is_replaced_with_sockets_state_and_counters() -> None:
    lease = Lease(1)
    address = f"127.0.0.1:{lease.ports[0]}"

    async def act(scene: Scene) -> None:
        scene.store.set_server(S1, weight=4)
        await scene.reconciler.in_force()
        await scene.figures.take()
        first = scene.plane
        first.end("killed by SIGKILL")
        await until(lambda: scene.reconciler.plane not in {None, first})
        assert scene.plane.snapshot == scene.wanted()
        assert list(scene.plane.sockets) == [address]
        assert scene.plane.restored == [scene.figures.last]
        assert scene.clock.slept == []

    scene = play(config((frontend(listen=(address,)),)), act)
    lease.release()
    assert "data plane lost (process 1000): killed by SIGKILL" in " ".join(sentence.text for sentence in scene.said)


def test_what_changes_while_there_is_none_reaches_the_next() -> None:
    async def act(scene: Scene) -> None:
        scene.launcher.failures = 3
        scene.plane.end("killed by SIGKILL")
        await until(lambda: scene.reconciler.plane is None)
        scene.store.set_health(S1, Health.DOWN, "gone", 1.0)
        await scene.reconciler.in_force()
        await until(lambda: scene.reconciler.plane is not None)
        assert scene.plane.server(S1).health == "down"

    scene = play(quiet("s1"), act)
    assert scene.events().count("dataplane_failed") == 3


def test_one_that_dies_again_and_again_is_started_ever_more_slowly() -> None:
    async def act(scene: Scene) -> None:
        for deaths in range(1, 9):
            await until(lambda: scene.reconciler.plane is not None)
            scene.plane.end("killed by SIGSEGV")
            await until(lambda count=deaths: len(scene.launcher.made) > count)  # type: ignore[misc]

    assert play(quiet("s1"), act).clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


def test_an_upgrade_hands_over_and_drains_the_old_one() -> None:
    async def act(scene: Scene) -> None:
        old = scene.plane
        told = await scene.keeper.upgrade(Duration(1000))
        assert scene.plane is not old
        assert scene.plane.snapshot == scene.wanted()
        assert len(scene.plane.restored) == 1
        assert old.calls[-1] == "drain"
        assert scene.launcher.promoted == 1
        assert "1000 → 1001" in told
        successor = scene.plane
        successor.end("killed by SIGKILL")
        await until(lambda: scene.reconciler.plane not in {None, successor})

    scene = play(quiet("s1"), act)
    assert scene.events().count("dataplane_lost") == 1


def test_an_upgrade_that_fails_leaves_the_old_one() -> None:
    async def act(scene: Scene) -> None:
        old = scene.plane
        scene.launcher.failures = 1
        with pytest.raises(DataplaneError):
            await scene.keeper.upgrade(Duration(1000))
        assert scene.plane is old
        scene.store.set_server(S1, weight=3)
        await scene.reconciler.in_force()
        assert old.server(S1).weight == 3

    play(quiet("s1"), act)


def test_drain_and_stop_end_everything_and_nothing_comes_back() -> None:
    async def act(scene: Scene) -> None:
        plane = scene.plane
        await scene.keeper.drain(Duration(1000))
        assert "drain, idle closed" in plane.calls
        await scene.keeper.stop()
        assert len(scene.launcher.made) == 1

    play(quiet("s1"), act)


def test_one_that_serves_already_is_left_alone_when_the_start_fails() -> None:
    async def run() -> None:
        running = FakeDataplane()
        await running.apply(compile_snapshot(State(quiet("s1"), Overlay(), 4), BLANK))
        scene = Scene(config((frontend("web", listen=()),), ()))
        scene.launcher.running = running

        async def refuse(_snapshot: object, *, salvage: bool = False) -> None:
            raise DataplaneError("no")

        running.apply = refuse  # type: ignore[assignment,method-assign]
        with pytest.raises(DataplaneError):
            await scene.keeper.begin(running)
        assert not running.attached
        assert "stop" not in running.calls
        assert running.snapshot is not None
        assert running.snapshot.generation == 4

    asyncio.run(run())
