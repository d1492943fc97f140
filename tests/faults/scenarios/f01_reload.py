"""F01: reload after reload under load: new and kept connections, WebSockets, HTTP/2 and TLS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from support.certificates import make_certificate, trusting
from support.multiplexed import Asking
from support.talk import Talk
from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.harness.outcome import Figures

RELOADS = 20
TALKS = 3


def play(stage: Stage) -> Outcome:
    """Change between two and three servers, again and again."""
    ports = stage.servers.some(3)
    secure, framed = stage.ports(2)
    file = make_certificate(stage.folder / "localhost.pem")
    three = Scene(ports, secure=secure, framed=framed, certificate=str(file))
    two = three.with_servers(stage.servers.first(2))
    proxy = stage.start(two)
    tls, over_h2 = trusting(file), trusting(file, "h2")
    encrypted = (proxy.address[0], secure)
    talks = [*(Talk(proxy.address) for _ in range(TALKS)), *(Talk(encrypted, tls) for _ in range(TALKS))]
    clients = [
        *(Asking(encrypted, tls, framed=False) for _ in range(TALKS)),
        *(Asking(encrypted, over_h2, framed=True) for _ in range(TALKS)),
        *(Asking((proxy.address[0], framed), None, framed=True) for _ in range(TALKS)),
    ]
    wait_for(lambda: all(talk.echoed > 2 for talk in talks), 10, lambda: f"talks: {[str(t.error) for t in talks]}")
    wait_for(lambda: all(client.answered > 2 for client in clients), 10, lambda: f"{[c.errors[:1] for c in clients]}")
    refused = 0
    with stage.traffic(proxy, replace(stage.mix(), posts=10)) as traffic:
        for turn in range(RELOADS):
            refused += proxy.reload(three if turn % 2 == 0 else two).code != 0
            traffic.run_for(stage.pick(0.1, 1.0))
        summary = traffic.stop()
    broken = sum(talk.error is not None for talk in talks)
    for one in (*talks, *clients):
        one.stop()
    errors = [error for client in clients for error in client.errors]

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("every reload is accepted", refused == 0),
            Goal("no WebSocket ends", broken == 0),
            Goal("nothing fails over HTTP/2 and TLS", not errors),
        )

    extra = {
        "reloads": RELOADS,
        "WebSockets ended": broken,
        "messages": sum(talk.echoed for talk in talks),
        "h2, TLS requests": sum(client.answered for client in clients),
        "h2, TLS failed": len(errors),
        "first": "; ".join(errors[:3]),
    }
    return stage.outcome(proxy, summary, goals, extra)


SCENARIO = Scenario(
    id="F01",
    title="20 reloads",
    injected="20 reloads under load, servers come and go; also over TLS, HTTP/2 with and without it, and WebSockets",
    target="0 failed, no WebSocket ends",
    play=play,
    columns=("WebSockets ended", "h2, TLS requests", "h2, TLS failed"),
)
