"""Name resolution: on a clock moved by hand, and with the real lookup."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tenbin.clock import SystemClock
from tenbin.discovery import Resolver
from tenbin.discovery.lookup import LookupFailedError
from unit.health.support import ManualClock, running, settle, until

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.anyio


class Names:
    """A name server that the test writes; a name that is not in it fails, one with None never answers."""

    def __init__(self, names: Mapping[str, tuple[str, ...] | None]) -> None:
        self.names = dict(names)
        self.asked: list[tuple[float, str]] = []
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.clock = ManualClock()
        self.resolver = Resolver(
            self.clock, lambda host, addresses: self.found.append((host, addresses)), lookup=self.ask
        )

    async def ask(self, host: str) -> tuple[str, ...]:
        self.asked.append((self.clock.now() - 1000, host))
        answer = self.names.get(host, ())
        if answer is None:
            await asyncio.get_running_loop().create_future()
        if not answer:
            raise LookupFailedError("Name or service not known")
        return answer or ()


async def test_names_are_found_at_once_and_told_once() -> None:
    names = Names({"app": ("10.0.0.1", "10.0.0.2"), "db": ("10.0.1.1",)})
    names.resolver.replace(["app", "db"])
    async with running(names.resolver.run()):
        await names.clock.advance(60)
    assert sorted(names.found) == [("app", ("10.0.0.1", "10.0.0.2")), ("db", ("10.0.1.1",))]
    assert names.resolver.addresses("app") == ("10.0.0.1", "10.0.0.2")


async def test_a_name_is_looked_up_again_every_ten_seconds() -> None:
    names = Names({"app": ("10.0.0.1",)})
    names.resolver.replace(["app"])
    async with running(names.resolver.run()):
        await names.clock.advance(15)
        names.names["app"] = ("10.0.0.9",)
        await names.clock.advance(10)
    assert names.asked == [(0, "app"), (10, "app"), (20, "app")]
    assert names.found == [("app", ("10.0.0.1",)), ("app", ("10.0.0.9",))]


async def test_answers_that_rotate_change_nothing() -> None:
    names = Names({"app": ("10.0.0.1", "10.0.0.2")})
    names.resolver.replace(["app"])
    async with running(names.resolver.run()):
        await names.clock.advance(1)
        names.names["app"] = ("10.0.0.2", "10.0.0.1")
        await names.clock.advance(10)
        names.names["app"] = ("10.0.0.3", "10.0.0.2", "10.0.0.1")
        await names.clock.advance(10)
    assert [addresses for _, addresses in names.found] == [
        ("10.0.0.1", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
    ]


async def test_a_failure_keeps_the_last_answer_and_is_retried_with_growing_waits() -> None:
    names = Names({"app": ("10.0.0.1",)})
    names.resolver.replace(["app"])
    async with running(names.resolver.run()):
        await names.clock.advance(1)
        del names.names["app"]
        await names.clock.advance(50)
        assert names.resolver.addresses("app") == ("10.0.0.1",)
        assert names.resolver.problems() == {"app": "Name or service not known"}
        names.names["app"] = ("10.0.0.1",)
        await names.clock.advance(10)
        assert names.resolver.problems() == {}
    assert [time for time, _ in names.asked] == [0, 10, 11, 13, 17, 25, 35, 45, 55]
    assert len(names.found) == 1


async def test_names_come_and_go() -> None:
    names = Names({"app": ("10.0.0.1",), "db": ("10.0.1.1",)})
    async with running(names.resolver.run()):
        names.resolver.replace(["app"])
        await names.clock.advance(5)
        names.resolver.replace(["app", "db"])
        await names.clock.advance(10)
        names.resolver.replace(["db"])
        await names.clock.advance(60)
    assert [time for time, host in names.asked if host == "app"] == [0, 10]
    assert [time for time, host in names.asked if host == "db"][:2] == [5, 15]
    assert names.resolver.addresses("app") == ()


async def test_an_address_is_found_as_itself_without_a_lookup() -> None:
    names = Names({})
    names.resolver.replace(["10.0.0.1", "::1"])
    async with running(names.resolver.run()):
        await names.clock.advance(60)
    assert sorted(names.found) == [("10.0.0.1", ("10.0.0.1",)), ("::1", ("::1",))]
    assert names.asked == []


async def test_resolve_now_gives_what_it_has_when_the_time_is_over() -> None:
    names = Names({"app": ("10.0.0.1",), "slow": None})
    names.resolver.replace(["app", "slow", "bad"])
    answer = asyncio.ensure_future(names.resolver.resolve_now(["app", "slow", "bad", "127.0.0.1"], 3.0))
    await names.clock.advance(2.9)
    assert not answer.done()
    await names.clock.advance(0.2)
    assert await answer == {"app": ("10.0.0.1",), "slow": (), "bad": (), "127.0.0.1": ("127.0.0.1",)}
    assert names.found == [("app", ("10.0.0.1",))]
    assert names.resolver.problems() == {"bad": "Name or service not known"}
    await settle()


async def test_resolve_now_returns_as_soon_as_all_is_known() -> None:
    names = Names({"app": ("10.0.0.1",)})
    assert await names.resolver.resolve_now(["app", "app"], 60.0) == {"app": ("10.0.0.1",)}
    assert names.found == []


async def test_the_real_lookup() -> None:
    found: dict[str, tuple[str, ...]] = {}
    resolver = Resolver(SystemClock(), found.__setitem__)
    bad = ["nowhere.invalid", "", "bad..name", "x" * 300, "a\0b", "ünïcode..", "\ud800"]
    resolver.replace(["localhost", *bad])
    async with running(resolver.run()):
        await until(lambda: "localhost" in found and len(resolver.problems()) == len(bad), 60)
        assert set(found) == {"localhost"}
        assert set(found["localhost"]) <= {"127.0.0.1", "::1"}
        assert all(resolver.problems().values())


def test_a_lookup_that_hangs_does_not_hold_up_the_end_of_the_program() -> None:
    script = """if True:
        import asyncio, socket, threading
        socket.getaddrinfo = lambda *a, **k: threading.Event().wait()
        from tenbin.clock import SystemClock
        from tenbin.discovery import Resolver
        async def main():
            print(await Resolver(SystemClock(), print).resolve_now(["app"], 0.05))
        asyncio.run(main())
    """
    began = time.monotonic()  # noqa: TID251 - tests have no other clock
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "{'app': ()}\n"
    assert time.monotonic() - began < 30  # noqa: TID251
