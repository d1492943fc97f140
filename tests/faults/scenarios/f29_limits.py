"""F29: what is beyond a limit is refused exactly, with the right status, and everything else is served.

Each limit meets more at once than it lets through, from many connections and over two threads: not one too many gets
through, not one too few.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from faults.harness.outcome import Figures, Goal, Outcome
from faults.harness.scenario import Scenario, Stage
from faults.harness.scene import Scene
from support.slow import allow_many
from support.traffic import get_bytes, long_operation, parallel
from tenbin.testing import Client, ExchangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.testing import Response
    from tenbin.testing.client import Address

FAST = "/api/fast"
CONNECTIONS, REQUESTS = 50, 100
PLACES, QUEUE = 2, 5
CLOSED = 0
"""Instead of a status: the connection was closed without an answer, which HAProxy does beyond a limit of them."""


def play(stage: Stage) -> Outcome:
    """Meet each limit with a proxy of its own."""
    allow_many()
    servers = stage.servers.some(2)
    rounds = round(stage.pick(1, 4))
    proxy = stage.start(Scene(servers, source_connections=CONNECTIONS))
    entered = of_connections(proxy.address, 200 * rounds)
    proxy = stage.start(Scene(servers, source_requests=REQUESTS))
    stage.watch(proxy)
    asked = of_requests(proxy.address, 300 * rounds)
    queued = _queue(stage, servers) if stage.contestant == "tenbin" else Counter[int]()
    refused = CLOSED if stage.contestant == "haproxy" else 429
    right = {
        "connections": (entered, Counter({200: CONNECTIONS, refused: 200 * rounds - CONNECTIONS})),
        "requests": (asked, Counter({200: REQUESTS, 429: 300 * rounds - REQUESTS})),
        "queue": (queued, Counter({200: 2 * PLACES + QUEUE, 503: 40 - 2 * PLACES - QUEUE}) if queued else queued),
    }

    def goals(figures: Figures) -> Sequence[Goal]:
        del figures
        return [Goal(f"{name} exact", found == expected) for name, (found, expected) in right.items()]

    extra = {name: _text(found) for name, (found, _) in right.items()}
    count = sum(found.total() for found, _ in right.values())
    return stage.outcome(proxy, Figures(count, {}, 0.0, 0.0, 0.0, 0.0), goals, extra)


def of_connections(address: Address, count: int) -> Counter[int]:
    """Open so many connections and ask on each; whoever is in must stay in. Return how many got which status."""
    with ExitStack() as stack:
        clients = [_connected(stack, address) for _ in range(count)]
        first = [_status(client) for client in clients]
        later = [_status(client) if status == 200 else status for client, status in zip(clients, first, strict=True)]
        return Counter(later)


def _connected(stack: ExitStack, address: Address) -> Client | None:
    try:
        return stack.enter_context(Client(address))
    except ExchangeError:
        return None


def of_requests(address: Address, count: int) -> Counter[int]:
    """Send so many requests at once and return how many got which status."""
    return statuses(parallel(address, [get_bytes(FAST)] * count))


def statuses(answers: Sequence[Response]) -> Counter[int]:
    """Count the statuses."""
    return Counter(answer.status for answer in answers)


def _status(client: Client | None) -> int:
    try:
        return client.get(FAST).status if client else CLOSED
    except (ExchangeError, OSError):
        return CLOSED


def _queue(stage: Stage, servers: dict[str, int]) -> Counter[int]:
    """Send forty slow requests at once to servers with two places each and a queue of five; Tenbin alone has one."""
    places = {name: {"address": f"127.0.0.1:{port}", "max_connections": PLACES} for name, port in servers.items()}
    proxy = stage.start(Scene(servers, backend={"max_queue": QUEUE, "servers": places}))
    return statuses(parallel(proxy.address, [long_operation(1000)] * 40))


def _text(found: Counter[int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(found.items())) or "-"


SCENARIO = Scenario(
    id="F29",
    title="limits",
    injected="more connections, requests and places in a queue at once than one source, or a backend, may have",
    target="exactly as many are served as may be; 429 and 503 for the others",
    play=play,
    columns=("connections", "requests", "queue"),
)
