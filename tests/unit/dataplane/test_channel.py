"""Frames and descriptors over a real socket pair."""

from __future__ import annotations

import array
import asyncio
import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from tenbin.clock import SystemClock
from tenbin.dataplane.channel import Channel
from tenbin.dataplane.codec import Decoder, encode
from tenbin.errors import DataplaneError, SnapshotRejectedError
from tenbin.plan import wire
from unit.plan.contract import stats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def play(scene: Callable[[Channel, socket.socket], Awaitable[None]]) -> None:
    """Run a scene with a channel and the other end of its socket, which answers from the test."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        channel = Channel(ours, SystemClock())
        try:
            await asyncio.wait_for(scene(channel, theirs), 20)
        finally:
            channel.close()
            theirs.close()

    asyncio.run(run())


async def hear(theirs: socket.socket) -> dict[str, object]:
    decoder = Decoder()
    loop = asyncio.get_running_loop()
    while True:
        for body in decoder.feed(await loop.sock_recv(theirs, 65_536)):
            heard: dict[str, object] = json.loads(body)
            return heard


async def tell(theirs: socket.socket, frame: wire.Wire) -> None:
    await asyncio.get_running_loop().sock_sendall(theirs, encode(frame.model_dump_json().encode()))


def ask(channel: Channel, timeout: float = 10) -> asyncio.Task[wire.Counted]:
    request = wire.GetStats(id=channel.next_id())
    return asyncio.create_task(channel.ask(request, wire.Counted, timeout=timeout))


def test_answers_find_their_requests_in_any_order() -> None:
    async def scene(channel: Channel, theirs: socket.socket) -> None:
        first, second = ask(channel), ask(channel)
        await hear(theirs)
        await tell(theirs, wire.Refused(id=2, error=wire.Fault(path="here", reason="so")))
        await tell(theirs, wire.Counted(id=1, stats=stats()))
        assert (await first).stats == stats()
        with pytest.raises(SnapshotRejectedError, match="refused at here: so"):
            await second

    play(scene)


def test_a_large_answer_comes_in_pieces() -> None:
    async def scene(channel: Channel, theirs: socket.socket) -> None:
        task = ask(channel)
        await hear(theirs)
        one = stats()
        large = one.model_copy(update={"backends": one.backends * 2000})
        await tell(theirs, wire.Counted(id=1, stats=large))
        assert (await task).stats == large

    play(scene)


def test_descriptors_travel_both_ways() -> None:
    async def scene(channel: Channel, theirs: socket.socket) -> None:
        reading, writing = os.pipe()
        request = wire.SetSockets(id=channel.next_id(), address="a", count=1)
        task = asyncio.create_task(channel.ask(request, wire.Sockets, timeout=10, descriptors=[writing]))
        while True:
            try:
                data, ancillary, _, _ = theirs.recvmsg(65_536, 1024)
                break
            except BlockingIOError:
                await asyncio.sleep(0)  # noqa: TID251 - lets the channel write
        os.close(writing)
        (_, _, payload), *_ = ancillary
        (received,) = array.array("i", payload)
        answer = encode(wire.Sockets(id=1, count=1).model_dump_json().encode())
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [received]))]
        theirs.sendmsg([answer], rights)
        os.close(received)
        assert (await task).count == 1
        (back,) = channel.take_descriptors(1)
        os.write(back, b"through")
        os.close(back)
        assert os.read(reading, 10) == b"through"
        os.close(reading)
        assert b"set_sockets" in data

    play(scene)


def test_silence_is_an_error_and_a_late_answer_harms_nobody() -> None:
    async def scene(channel: Channel, theirs: socket.socket) -> None:
        with pytest.raises(DataplaneError, match=r"did not answer get_stats within 0\.01 s"):
            await ask(channel, 0.01)
        await tell(theirs, wire.Counted(id=1, stats=stats()))
        task = ask(channel)
        await tell(theirs, wire.Counted(id=2, stats=stats()))
        assert (await task).id == 2

    play(scene)


@pytest.mark.parametrize("nonsense", [b"\xff\xff\xff\xff", encode(b"{"), encode(b'{"event": "unheard"}')])
def test_nonsense_ends_the_connection_and_who_waits_is_told(nonsense: bytes) -> None:
    async def scene(channel: Channel, theirs: socket.socket) -> None:
        task = ask(channel)
        await hear(theirs)
        await asyncio.get_running_loop().sock_sendall(theirs, nonsense)
        with pytest.raises(DataplaneError, match="nonsense"):
            await task
        assert "nonsense" in await channel.wait_closed()
        with pytest.raises(DataplaneError, match="gone"):
            await ask(channel)

    play(scene)


def test_events_come_in_order_and_the_oldest_give_way() -> None:
    async def scene(channel: Channel, theirs: socket.socket) -> None:
        for number in range(1100):
            await tell(theirs, wire.NoticeEvent(level="info", text=str(number)))
        theirs.close()
        await channel.wait_closed()
        texts = []
        while (event := await channel.events.get()) is not None:
            assert isinstance(event, wire.NoticeEvent)
            texts.append(int(event.text))
        assert texts[-1] == 1099
        assert texts == sorted(texts)
        assert len(texts) <= 1000

    play(scene)
