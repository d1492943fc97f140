"""The real program: started, told, attached to, ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate
from tenbin.clock import SystemClock
from tenbin.dataplane import binary
from tenbin.dataplane.program import Program
from tenbin.dataplane.sockets import Listeners, Shape
from tenbin.errors import DataplaneError, SnapshotRejectedError
from tenbin.model import Duration, Respond
from tenbin.plan import wire
from tenbin.plan.compile import BLANK, compile_snapshot
from tenbin.state import Overlay, State
from tenbin.testing import Lease, fetch
from unit.plan.samples import config, everything, frontend, route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tenbin.dataplane.process import ProcessDataplane


@pytest.fixture
def address() -> Iterator[str]:
    lease = Lease(1)
    yield f"127.0.0.1:{lease.ports[0]}"
    lease.release()


def play(folder: Path, scene: Callable[[Program, ProcessDataplane], Awaitable[None]]) -> None:
    """Run a scene with a program that was just started; whatever happens, it ends."""

    async def run() -> None:
        program = Program(folder, os.environ, SystemClock())
        plane = await program.spawn()
        try:
            await asyncio.wait_for(scene(program, plane), 30)
        finally:
            await plane.stop()

    asyncio.run(run())


def greeting(address: str, generation: int = 1) -> wire.Snapshot:
    hello = frontend("web", route(Respond(200, (), b"hello")), listen=(address,))
    return compile_snapshot(State(config((hello,)), Overlay(), generation), BLANK)


def test_it_serves_with_the_sockets_it_was_given(tmp_path: Path, address: str) -> None:
    async def scene(_program: Program, plane: ProcessDataplane) -> None:
        listeners = Listeners()
        listeners.open(config((frontend(listen=(address,)),)), Shape(2, 64))
        await plane.set_sockets(address, listeners.of(address))
        await plane.apply(greeting(address))
        host, _, port = address.rpartition(":")
        answer = await asyncio.to_thread(fetch, (host, int(port)), "/")
        assert answer.body == b"hello"
        assert (await plane.stats()).process.generation == 1
        listeners.close()

    play(tmp_path, scene)


def test_everything_of_the_contract_is_taken(tmp_path: Path, address: str) -> None:
    async def scene(_program: Program, plane: ProcessDataplane) -> None:
        listeners = Listeners()
        listeners.open(config((frontend(listen=(address,)),)), Shape(2, 64))
        snapshot = with_files(compile_snapshot(State(everything(), Overlay(), 3), BLANK), tmp_path)
        for listener in snapshot.listeners:
            await plane.set_sockets(listener.address, listeners.of(address))
        await plane.apply(snapshot.model_copy(update={"access_log": wire.AccessLog(target="none", format="json")}))
        patch = wire.ServerPatch(backend="app", server="s1", weight=3, admin="ready", health="down")
        await plane.patch(4, [patch])
        counted = await plane.stats()
        assert counted.process.generation == 4
        found = counted.backends[0].servers[0]
        assert (found.weight, found.admin, found.health) == (3, "ready", "down")
        await plane.restore(counted)
        listeners.close()

    play(tmp_path, scene)


def with_files(snapshot: wire.Snapshot, directory: Path) -> wire.Snapshot:
    """The same with certificates that are there; lists of revocations and OCSP answers are left out."""
    made = make_certificate(directory / "made.pem").read_bytes()
    text = snapshot.model_dump_json()
    for file in re.findall(r'"(/etc/tenbin/[^"]+)"', text):
        left_out = file.endswith((".ocsp", ".crl", "revoked.pem"))
        kept = directory / Path(file).name
        kept.write_bytes(made)
        text = text.replace(f'"{file}"', '""' if left_out else f'"{kept}"')
    return wire.Snapshot.model_validate_json(text)


def test_a_broken_snapshot_is_refused_with_path_and_reason_and_changes_nothing(tmp_path: Path, address: str) -> None:
    async def scene(_program: Program, plane: ProcessDataplane) -> None:
        good = compile_snapshot(State(config((frontend(listen=()),)), Overlay(), 1), BLANK)
        await plane.apply(good)
        nowhere = frontend(listen=())
        broken = compile_snapshot(State(config((nowhere,), backends=()), Overlay(), 2), BLANK)
        with pytest.raises(SnapshotRejectedError) as caught:
            await plane.apply(broken.model_copy(update={"backends": ()}))
        assert "frontends[0].routes[0]" in caught.value.path
        assert caught.value.reason
        assert (await plane.stats()).process.generation == 1

    play(tmp_path, scene)


def test_a_second_control_plane_attaches_and_gets_the_sockets(tmp_path: Path, address: str) -> None:
    async def scene(program: Program, plane: ProcessDataplane) -> None:
        listeners = Listeners()
        listeners.open(config((frontend(listen=(address,)),)), Shape(2, 64))
        await plane.set_sockets(address, listeners.of(address))
        await plane.apply(greeting(address, 5))
        plane.detach()
        listeners.close()
        attached = await program.attach()
        assert attached is not None
        assert attached.welcome.pid == plane.welcome.pid
        assert attached.welcome.generation == 5
        assert {state.server for state in attached.welcome.servers} == {"s1", "s2"}
        back = await attached.get_sockets(address)
        assert [sock.getsockname() for sock in back] == [("127.0.0.1", int(address.rpartition(":")[2]))] * 2
        for sock in back:
            sock.close()
        with pytest.raises(DataplaneError):
            await attached.get_sockets("127.0.0.1:1")
        await attached.stop()
        assert await attached.gone()

    play(tmp_path, scene)


def test_its_death_is_noticed_and_named(tmp_path: Path) -> None:
    async def scene(_program: Program, plane: ProcessDataplane) -> None:
        os.kill(plane.welcome.pid, signal.SIGKILL)
        assert "SIGKILL" in await plane.gone()
        with pytest.raises(DataplaneError, match="gone"):
            await plane.stats()

    play(tmp_path, scene)


def test_it_drains_and_ends(tmp_path: Path) -> None:
    async def scene(_program: Program, plane: ProcessDataplane) -> None:
        await plane.drain(Duration(5000), close_idle=True)
        assert await plane.gone() == "ended with status 0"

    play(tmp_path, scene)


def test_nobody_to_attach_to(tmp_path: Path) -> None:
    assert asyncio.run(Program(tmp_path, {}, SystemClock()).attach()) is None


def test_a_program_that_ends_at_once_is_told_of(tmp_path: Path) -> None:
    environment = {binary.VARIABLE: "/bin/false"}
    with pytest.raises(DataplaneError, match="did not start: ended with status 1"):
        asyncio.run(Program(tmp_path, environment, SystemClock()).spawn())


def test_a_program_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(DataplaneError, match="is not a program"):
        binary.find({binary.VARIABLE: str(tmp_path / "nothing")})
