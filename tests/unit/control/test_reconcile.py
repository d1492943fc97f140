"""The data plane holds what the store holds."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from tenbin.errors import BindError, SnapshotRejectedError
from tenbin.model import Address, Admin, Health, ServerId, ToBackend
from tenbin.testing import Lease
from unit.control.support import Scene, play, quiet
from unit.plan.samples import config, frontend, route

S1 = ServerId("app", "s1")


def test_what_changes_at_run_time_goes_as_a_patch() -> None:
    async def act(scene: Scene) -> None:
        scene.store.set_server(S1, weight=9, admin=Admin.DRAIN)
        scene.store.set_health(S1, Health.DOWN, "gone", 1.0)
        await scene.reconciler.in_force()
        assert scene.plane.snapshot == scene.wanted()
        assert scene.plane.calls.count("apply") == 1
        assert "patch" in scene.plane.calls

    play(quiet("s1", "s2"), act)


def test_an_address_goes_with_the_whole() -> None:
    async def act(scene: Scene) -> None:
        overlay = scene.store.state.overlay.changed(S1, address=Address("10.0.0.77", 1))
        scene.store.replace_overlay(overlay)
        await scene.reconciler.in_force()
        assert scene.plane.server(S1).address == "10.0.0.77:1"
        assert scene.plane.calls.count("apply") == 2

    play(quiet("s1"), act)


def test_a_reload_says_what_changes_and_keeps_what_was_changed_at_run_time() -> None:
    async def act(scene: Scene) -> None:
        scene.store.set_server(S1, weight=9)
        changed = await scene.reconciler.change(quiet("s1", "s2"), kept=3)
        assert changed.summary == "generation 2 → 3: +1 server app/s2; 3 connections kept"
        await scene.reconciler.in_force()
        assert scene.plane.server(S1).weight == 9
        assert scene.plane.snapshot == scene.wanted()

    scene = play(quiet("s1"), act)
    assert any("+1 server app/s2" in sentence.text for sentence in scene.said)


def test_a_refused_snapshot_changes_nothing() -> None:
    lease = Lease(1)

    async def act(scene: Scene) -> None:
        before = scene.store.state
        address = f"127.0.0.1:{lease.ports[0]}"
        broken = config((frontend("web", route(ToBackend("nowhere")), listen=(address,)),), before.config.backends)
        with pytest.raises(SnapshotRejectedError) as caught:
            await scene.reconciler.change(broken, kept=0)
        assert caught.value.path == "frontends[0].routes[0].action.backend"
        assert scene.store.state is before
        assert scene.listeners.addresses == ()
        scene.store.set_server(S1, weight=7)
        await scene.reconciler.in_force()
        assert scene.plane.snapshot == scene.wanted()

    play(quiet("s1"), act)
    lease.release()


def test_a_port_in_use_changes_nothing() -> None:
    lease = Lease(1)
    address = ("127.0.0.1", lease.ports[0])

    async def act(scene: Scene) -> None:
        before = scene.store.state
        with socket.socket() as other:
            other.bind(address)
            other.listen()
            listening = config((frontend(listen=(f"127.0.0.1:{address[1]}",)),))
            with pytest.raises(BindError, match=r"tenbin\.yaml:3:11"):
                await scene.reconciler.change(listening, kept=0)
        assert scene.store.state is before
        assert scene.plane.snapshot == scene.wanted()

    play(quiet("s1"), act)
    lease.release()


def test_listeners_come_and_go() -> None:
    lease = Lease(2)
    first, second = (f"127.0.0.1:{port}" for port in lease.ports)

    async def act(scene: Scene) -> None:
        assert list(scene.plane.sockets) == [first]
        new = replace(scene.store.state.config, frontends=(frontend(listen=(second,)),))
        await scene.reconciler.change(new, kept=0)
        assert list(scene.plane.sockets) == [second]
        assert len(scene.plane.sockets[second]) == 2
        assert scene.listeners.addresses == (second,)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", lease.ports[0]), 5)

    play(config((frontend(listen=(first,)),)), act)
    lease.release()


def test_health_found_while_a_reload_is_applied_is_not_lost() -> None:
    async def act(scene: Scene) -> None:
        apply = scene.plane.apply

        async def slow(snapshot: object, *, salvage: bool = False) -> None:
            scene.store.set_health(S1, Health.DOWN, "gone", 1.0)
            await apply(snapshot, salvage=salvage)  # type: ignore[arg-type]

        scene.plane.apply = slow  # type: ignore[method-assign]
        await scene.reconciler.change(quiet("s1", "s2"), kept=0)
        await scene.reconciler.in_force()
        assert scene.plane.server(S1).health == "down"
        assert scene.plane.snapshot == scene.wanted()

    play(quiet("s1"), act)
