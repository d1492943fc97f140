"""The imitation keeps entries of tables as the port promises."""

from __future__ import annotations

import asyncio

from tenbin.dataplane.fake import FakeDataplane
from tenbin.model import KeyType, Table
from tenbin.plan import wire
from tenbin.plan.compile import BLANK, compile_snapshot
from tenbin.state import Overlay, State
from unit.plan.samples import config


def test_entries_are_set_shown_and_cleared() -> None:
    async def scene() -> None:
        plane = FakeDataplane()
        table = Table("seen", KeyType.IP, 0, 100, 0, keep=False, stored=())
        await plane.apply(compile_snapshot(State(config(tables=(table,)), Overlay(), 1), BLANK))
        for key in ("10.0.0.2", "10.0.0.1"):
            await plane.table(wire.TableQuery(name="seen", action="set", key=key, data=(("gpc0", 3),)))
        shown = await plane.table(wire.TableQuery(name="seen", action="show"))
        assert [row.key for row in shown.rows] == ["10.0.0.1", "10.0.0.2"]
        assert shown.tables[0].used == 2
        await plane.table(wire.TableQuery(name="seen", action="clear", key="10.0.0.1"))
        everything = await plane.table(wire.TableQuery(action="show"))
        assert [(one.name, one.used) for one in everything.tables] == [("seen", 1)]
        assert (await plane.table(wire.TableQuery(name="other", action="show"))).outcome == "no_table"

    asyncio.run(scene())
