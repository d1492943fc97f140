"""What either proxy says of a case, and whether both say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.haproxy_logs.cases import HELD
from conformance.haproxy_logs.plane import FORMAT, TCP_FORMAT, Sink, haproxy, ports, snapshot, tenbin
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from conformance.haproxy_logs.cases import Case

NEAR = 400
"""Milliseconds by which timers may differ: both round up to ticks of their own."""


def told(case: Case, who: str) -> list[str]:
    """The lines that one proxy writes for a case."""
    form = case.form or (TCP_FORMAT if case.mode == "tcp" else FORMAT)
    sink = Sink()
    with ScriptedServer(case.script or (lambda _: None)) as server:
        if case.script is None:
            server.close()
        (port,) = ports(1)
        snap = snapshot(port, server.port, sink.port, case.mode, form)
        snap["frontends"][0] |= case.front
        snap["frontends"][0]["log"] |= case.log
        snap["backends"][0] |= case.back
        snap["backends"][0]["servers"][0] |= case.server
        if case.before:
            snap["backends"][0]["servers"].insert(0, case.before)
        lines = {"mode": case.mode, "form": form.replace('"', '\\"'), "frontend": case.frontend}
        lines |= {"backend": case.backend, "options": case.options}
        side = haproxy(port, server.port, sink.port, lines) if who == "haproxy" else tenbin(snap)
        with side:
            case.visit(port)
            out = [sink.line() for _ in range(case.lines)]
            while HELD:
                HELD.pop().close()
    sink.close()
    return out


def alike(ours: str, theirs: str) -> bool:
    """Whether two lines say the same, with timers that are the same to within a few moments."""
    return all(map(_near, ours.split(" "), theirs.split(" "))) and ours.count(" ") == theirs.count(" ")


def _near(ours: str, theirs: str) -> bool:
    timers, others = ours.split("/"), theirs.split("/")
    if len(timers) != len(others) or len(timers) not in {3, 5}:
        return ours == theirs
    return all(_same_timer(mine, other) for mine, other in zip(timers, others, strict=True))


def _same_timer(mine: str, other: str) -> bool:
    if mine == other or "-1" in {mine, other}:
        return mine == other
    return mine[:1] == other[:1] == "+" or abs(int(mine) - int(other)) <= NEAR
