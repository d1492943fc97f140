"""Makes the documents in `tests/contract/` that the control plane's and the data plane's tests share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TypeVar, get_args

from tenbin.model import Address, Admin, Health, ServerId
from tenbin.plan import wire
from tenbin.plan.compile import Surroundings, compile_snapshot
from tenbin.state import Overlay, State
from unit.plan.samples import config, everything

CONTRACT = Path(__file__).parents[2] / "contract"
_AROUND = Surroundings(secret="0123456789abcdef" * 4)


def documents() -> dict[str, object]:
    """Return each file's name and content."""
    overlay = (
        Overlay()
        .changed(ServerId("app", "s2"), address=Address("10.0.0.9", 3002), health=Health.UP)
        .changed(ServerId("app", "s3"), weight=7, admin=Admin.DRAIN, health=Health.DOWN)
        .changed(ServerId("db", "pg"), health=Health.STARTING)
    )
    snapshots = {
        "small": State(config(), Overlay(), 1),
        "everything": State(everything(), Overlay(), 2),
        "overlaid": State(everything(), overlay, 3),
    }
    compiled = {name: compile_snapshot(state, _AROUND) for name, state in snapshots.items()}
    found: dict[str, object] = {f"snapshot-{name}.json": one.model_dump(mode="json") for name, one in compiled.items()}
    found["frames.json"] = [
        {"model": type(frame).__name__, "frame": frame.model_dump(mode="json")} for frame in frames(compiled["small"])
    ]
    return found


def frames(snapshot: wire.Snapshot) -> list[wire.Wire]:
    """Return one of each frame, in the order of a short life."""
    patch = wire.ServerPatch(backend="app", server="s1", weight=0, admin="maint", health="down")
    alone = wire.ServerPatch(backend="app", server="s2", health="starting")
    held = wire.ServerState(backend="app", server="s1", weight=1, admin="ready", health="up")
    listeners = ("127.0.0.1:8080", "[::1]:8443")
    return [
        wire.Hello(id=1, protocol=wire.PROTOCOL, pid=4711),
        wire.Welcome(
            id=1, protocol=1, version="0.1.0", pid=12, threads=2, generation=7, listeners=listeners, servers=(held,)
        ),
        wire.SetSockets(id=2, address="127.0.0.1:8080", count=2),
        wire.Done(id=2),
        wire.GetSockets(id=3, address="[::1]:8443"),
        wire.Sockets(id=3, count=2),
        wire.Apply(id=4, snapshot=snapshot),
        wire.Refused(id=4, error=wire.Fault(path="backends[0].servers[1].address", reason="not an address")),
        wire.Patch(id=5, generation=8, servers=(patch, alone)),
        *_tables(),
        wire.GetStats(id=6),
        wire.Counted(id=6, stats=stats()),
        wire.Restore(id=7, stats=stats()),
        wire.ClearCounters(id=20, everything=True),
        wire.AskSessions(id=21, action="close", backend="app", server="s1"),
        wire.Sessions(id=21, closed=2, sessions=(wire.Session(number=7, source="127.0.0.1:4000", frontend="web"),)),
        wire.AskList(id=22, name="hosts.map", action="set", key="a.example", value="app"),
        wire.Entries(id=22, found=True, count=1, entries=((3, "a.example", "app"),)),
        wire.AskVariable(id=23, name="proc.limit", value=wire.Const(value=7)),
        wire.AskVariable(id=24, name="proc.limit"),
        wire.Variable(id=24, kind="int", text="7"),
        wire.GetRefused(id=25),
        wire.RefusedMessages(id=25, count=3, messages=_refused()),
        wire.Drain(id=8, deadline=30_000, close_idle=True),
        wire.Stop(id=9),
        wire.ServerEvent(event="ejected", backend="app", server="s1", reason="5 failures in a row", until=30_000),
        wire.ServerEvent(event="readmitted", backend="app", server="s1", reason="its time is over"),
        wire.SuspectEvent(backend="app", server="s1", errors=10, last="wrong_status"),
        wire.NoticeEvent(level="warning", text="accepting pauses: no descriptors are left"),
    ]


def _refused() -> tuple[wire.RefusedMessage, ...]:
    """A request and an answer that could not be read."""
    request = wire.RefusedMessage(
        number=1,
        side="request",
        at=1_790_000_000_900,
        source="127.0.0.1:4000",
        frontend="web",
        position=3,
        length=9,
        bytes="GET\x00 /\r\n",
    )
    answer = {"number": 2, "side": "answer", "backend": "app", "server": "s1", "bytes": "HTT\xff"}
    return (request, request.model_copy(update=answer))


def _tables() -> tuple[wire.Wire, ...]:
    """What is asked of stick tables."""
    filters = (wire.TableFilter(counter="gpc(1)", operator="gt", value=3),)
    row = wire.TableRow(
        key="10.0.0.1", use=1, exp_ms=900, shard=0, data=(("http_req_rate", 10_000, 7), ("server_key", 0, "s1"))
    )
    summary = wire.TableSummary(name="clients", key="ip", size=1000, used=1)
    return (
        wire.TableAsked(id=20, name="clients", action="show", filters=filters, after="0a000001", limit=100),
        wire.TableAnswered(id=20, outcome="done", tables=(summary,), rows=(row,), next="0a000001"),
        wire.TableAsked(id=21, name="clients", action="set", key="10.0.0.1", data=(("gpc0", 4),)),
        wire.TableAnswered(id=21, outcome="not_stored", at=0),
    )


def stats() -> wire.Stats:
    """Return statistics in which every number differs from its neighbours."""
    server = _numbered(wire.ServerStats, name="s1", address="10.0.0.1:3001", admin="ready", health="up", last_used=-1)
    unresolved = _numbered(wire.ServerStats, name="s2", address=None, admin="drain", health="unknown")
    return wire.Stats(
        process=_numbered(wire.ProcessStats, version="0.1.0"),
        listeners=(_numbered(wire.ListenerStats, address="127.0.0.1:8080", frontend="web"),),
        frontends=(_numbered(wire.FrontendStats, name="web", errors={"no-server-up": 3, "queue-full": 1}),),
        backends=(_numbered(wire.BackendStats, name="app", servers=(server, unresolved)),),
    )


M = TypeVar("M", bound=wire.Wire)


def _numbered(model: type[M], **fields: object) -> M:
    """Fill every number, tuple of numbers and set of times that is not given with numbers of its own."""
    values: dict[str, object] = dict(fields)
    for number, (name, field) in enumerate(model.model_fields.items(), 10):
        if name in values:
            continue
        if name == "phases":
            times = wire.Times(count=number, mean=150, p50=100, p90=200, p99=300, max=400)
            values[name] = wire.Phases(queue=wire.Times(), connect=times, first_byte=times, total=times)
        elif name == "averages":
            values[name] = wire.Averages(queue=number, connect=number + 1, total=number + 2, total_max=900)
        elif name in {"responses", "compressed"}:
            values[name] = tuple(range(number, number + len(get_args(field.annotation))))
        else:
            values[name] = number
    return model(**values)


if __name__ == "__main__":
    for name, content in documents().items():
        (CONTRACT / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
