"""Run with the name of cases, or none for all: prints the lines of both."""

from __future__ import annotations

import re
import sys

from conformance.haproxy_logs.cases import CASES, Case
from conformance.haproxy_logs.plane import FORMAT, TCP_FORMAT, Sink, haproxy, ports, snapshot, tenbin
from support.scripted import ScriptedServer


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
        lines = {"mode": case.mode, "form": form.replace('"', '\\"'), "frontend": case.frontend}
        lines |= {"backend": case.backend, "options": case.options}
        side = haproxy(port, server.port, sink.port, lines) if who == "haproxy" else tenbin(snap)
        out = []
        with side:
            case.visit(port)
            for _ in range(case.lines):
                try:
                    out.append(sink.line())
                except TimeoutError:
                    out.append("nothing")
    sink.close()
    return out


def alike(ours: str, theirs: str) -> bool:
    """Whether two lines say the same, with timers that are the same to within a few moments."""
    number = re.compile(r"(?<![\w.])\d+(?=[/ ])")
    near = zip(number.findall(ours), number.findall(theirs), strict=False)
    return number.sub("N", ours) == number.sub("N", theirs) and all(abs(int(a) - int(b)) <= 150 for a, b in near)


if __name__ == "__main__":
    for case in CASES:
        if len(sys.argv) == 1 or case.name in sys.argv[1:]:
            ours, theirs = told(case, "tenbin"), told(case, "haproxy")
            same = all(map(alike, ours, theirs))
            print(f"{case.name:28} {'same' if same else 'DIFFERS'}", flush=True)
            for line, other in zip(theirs, ours, strict=True):
                if not same:
                    print(f"  haproxy {line}\n  tenbin  {other}", flush=True)
