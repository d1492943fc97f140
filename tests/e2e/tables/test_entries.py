"""Entries of stick tables as operators see them: shown, set, cleared, and kept over reloads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from support.plane import apply, serving
from tenbin.model import Act, Config, Fetch, KeyType, Respond, Rule, Rules, Stored, Table, Verb
from tenbin.plan import wire
from tenbin.testing import Lease, fetch, wait_for
from unit.plan import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tenbin.dataplane.process import ProcessDataplane

STORED = (Stored("http_req_cnt"), Stored("bytes_in_cnt"), Stored("bytes_out_cnt"), Stored("gpc", count=2))


@pytest.fixture
def port() -> Iterator[int]:
    leased = Lease(1)
    yield leased.ports[0]
    leased.release()


def config(port: int, stored: tuple[Stored, ...] = STORED, *, size: int = 1000, expire: int = 60_000) -> Config:
    track = Rule(None, Act(Verb.TRACK, name="paths", value=Fetch("path")), "")
    hello = samples.route(Respond(200, (), b"hello"))
    web = samples.frontend("web", hello, listen=(f"127.0.0.1:{port}",), rules=Rules(request=(track,)))
    table = Table("paths", KeyType.STRING, length=32, size=size, expire=expire, keep=False, stored=stored)
    numbers = Table("numbers", KeyType.INTEGER, 0, size=100_000, expire=0, keep=False, stored=(Stored("gpc0"),))
    return samples.config((web,), tables=(table, numbers))


async def visit(port: int, *paths: str) -> None:
    for path in paths:
        assert (await asyncio.to_thread(fetch, ("127.0.0.1", port), path)).status == 200


async def rows(plane: ProcessDataplane, name: str = "paths") -> dict[str, dict[str, int | str | None]]:
    answer = await plane.table(wire.TableQuery(name=name, action="show"))
    return {row.key: {name: value for name, _, value in row.data} for row in answer.rows}


async def counted(plane: ProcessDataplane) -> dict[str, dict[str, int | str | None]]:
    """Return the rows once what was sent is in them; an answer is counted when it has left."""
    loop = asyncio.get_running_loop()

    def found() -> dict[str, dict[str, int | str | None]]:
        seen = asyncio.run_coroutine_threadsafe(rows(plane), loop).result()
        sent = [data["bytes_out_cnt"] for data in seen.values()]
        return seen if all(isinstance(count, int) and count > 5 for count in sent) else {}

    return await asyncio.to_thread(wait_for, found)


def test_reloads_keep_entries_while_they_are_what_they_were(tmp_path: Path, port: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path, config(port)) as plane:
            await visit(port, "/a", "/a", "/b")
            before = await counted(plane)
            assert {key: data["http_req_cnt"] for key, data in before.items()} == {"/a": 2, "/b": 1}
            await apply(plane, config(port, size=2, expire=30_000), 2)
            assert await rows(plane) == before
            (row,) = (await plane.table(wire.TableQuery(name="paths", action="show", key="/a"))).rows
            assert 0 < row.exp_ms <= 30_000
            await visit(port, "/c")
            assert len(await rows(plane)) == 2
            await apply(plane, config(port, stored=STORED[:1]), 3)
            assert await rows(plane) == {}
            await visit(port, "/a")
            assert await rows(plane) == {"/a": {"http_req_cnt": 1}}

    asyncio.run(scene())


def test_operators_set_find_and_clear_entries(tmp_path: Path, port: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path, config(port)) as plane:

            async def ask(action: str, **more: object) -> wire.TableAnswered:
                query = {"name": "paths", "action": action, **more}
                return await plane.table(wire.TableQuery.model_validate(query))

            assert (await ask("set", key="a b", data=(("gpc(1)", 7), ("http_req_cnt", 3)))).outcome == "done"
            answer = await ask("show", filters=({"counter": "gpc(1)", "operator": "ge", "value": 7},))
            assert [row.key for row in answer.rows] == ["a\\ b"]
            assert ("gpc1", 0, 7) in answer.rows[0].data
            assert answer.tables[0] == wire.TableSummary(name="paths", key="string", size=1000, used=1)
            for query, outcome in (
                ({"name": "nowhere", "action": "show"}, "no_table"),
                ({"action": "set", "key": "x", "data": (("nothing", 1),)}, "unknown_counter"),
                ({"action": "set", "key": "x", "data": (("gpt0", 1),)}, "not_stored"),
                ({"action": "set"}, "bad_key"),
                ({"action": "set", "name": "numbers", "key": "x"}, "bad_key"),
            ):
                assert (await ask(**query)).outcome == outcome, query
            everything = await plane.table(wire.TableQuery(action="show"))
            assert [table.name for table in everything.tables] == ["numbers", "paths"]
            assert (await ask("clear", key="a b")).outcome == "done"
            assert await rows(plane) == {}

    asyncio.run(scene())


def test_a_long_table_comes_in_pages(tmp_path: Path, port: int) -> None:
    async def scene() -> None:
        async with serving(tmp_path, config(port)) as plane:
            for number in range(300):
                query = wire.TableQuery(name="numbers", action="set", key=str(number), data=(("gpc0", number % 3),))
                assert (await plane.table(query)).outcome == "done"
            keys: list[str] = []
            after = None
            while True:
                answer = await plane.table(wire.TableQuery(name="numbers", action="show", limit=70, after=after))
                keys += [row.key for row in answer.rows]
                after = answer.next
                if after is None:
                    break
            assert keys == [str(number) for number in range(300)]
            odd = (wire.TableFilter(counter="gpc0", operator="ne", value=1),)
            cleared = await plane.table(wire.TableQuery(name="numbers", action="clear", filters=odd))
            assert cleared.tables[0].used == 100

    asyncio.run(scene())
