"""A real data plane under a light load, driven at random: reloads, patches, drains, weights, health.

Held after every step: no request fails while a server may be used, every answer comes from a server that was allowed
at some moment of the request, and the data plane holds exactly what it was told, patched or whole.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from support.bare import BareDataplane, backend, frontend, snapshot
from tenbin.clock import SystemClock
from tenbin.testing import Client, ExchangeError, Lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.servers import Servers
    from tenbin.testing.client import Address

CLOCK = SystemClock()
NAMES = ("server1", "server2", "server3")
KEY = {"op": "fetch", "name": "path", "args": []}
BALANCES: tuple[dict[str, object], ...] = (
    {"policy": "round_robin"},
    {"policy": "least_conn"},
    {"policy": "random", "draws": 2},
    {"policy": "first"},
    {"policy": "ip_hash"},
    {"policy": "hash", "key": KEY, "method": "consistent"},
    {"policy": "peak_ewma"},
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the data plane was told of one server."""

    weight: int = 1
    admin: str = "ready"
    health: str = "up"

    @property
    def allowed(self) -> bool:
        return self.weight > 0 and self.admin == "ready" and self.health == "up"


@dataclass(frozen=True, slots=True)
class Answer:
    """One request of the load, from `begin` to `end` on the monotonic clock."""

    begin: float
    end: float
    status: int
    server: str


class Traffic:
    """Two clients that ask without a pause, one on a kept connection and one on a new one each time."""

    def __init__(self, address: Address) -> None:
        self.answers: list[Answer] = []
        self._address = address
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(keep,), daemon=True) for keep in (True, False)]
        for thread in self._threads:
            thread.start()

    def _run(self, keep: bool) -> None:
        client: Client | None = None
        while not self._stop.wait(0.001):
            begin = CLOCK.now()
            try:
                if client is None or client.peer_closed():
                    client = Client(self._address, 5)
                answer = client.get("/api/whoami")
                self.answers.append(Answer(begin, CLOCK.now(), answer.status, answer.server))
                if keep and answer.keep_alive:
                    continue
            except ExchangeError as error:
                self.answers.append(Answer(begin, CLOCK.now(), 0, str(error)))
            if client is not None:
                client.close()
            client = None

    def wait_more(self, count: int) -> None:
        """Wait for so many requests that begin from now on."""
        now = CLOCK.now()
        wait_for(lambda: sum(answer.begin > now for answer in self.answers[-count * 4 :]) >= count, 10)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)


class Machine(RuleBasedStateMachine):
    """`history` holds what was allowed, each from the moment at which it may first have held."""

    ports: ClassVar[dict[str, int]] = {}
    plane: ClassVar[BareDataplane]
    address: ClassVar[Address]
    generation: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        self.known = {name: Known() for name in NAMES}
        self.balance = BALANCES[0]
        self.history: list[tuple[float, float, frozenset[str]]] = []
        self.judged = 0
        self._apply()
        self.traffic = Traffic(self.address)

    @rule(name=st.sampled_from(NAMES), weight=st.sampled_from((0, 1, 2, 7, 256)))
    def weigh(self, name: str, weight: int) -> None:
        self._patch(name, weight=weight)

    @rule(name=st.sampled_from(NAMES), admin=st.sampled_from(("ready", "ready", "drain", "maint")))
    def administer(self, name: str, admin: str) -> None:
        self._patch(name, admin=admin)

    @rule(name=st.sampled_from(NAMES), health=st.sampled_from(("up", "up", "down")))
    def judge(self, name: str, health: str) -> None:
        self._patch(name, health=health)

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), balance=st.sampled_from(BALANCES))
    def reload(self, names: set[str], balance: dict[str, object]) -> None:
        """Servers come and go; those that stay keep what they have, new ones begin afresh."""
        self.known = {name: self.known.get(name, Known()) for name in NAMES if name in names}
        self.balance = balance
        self._apply()

    @rule()
    def refuse(self) -> None:
        """A broken snapshot changes nothing."""
        broken = self._snapshot(self.generation + 1)
        broken["listeners"] = [{"address": "127.0.0.1:1", "frontend": "nobody"}]
        assert self.plane.ask("apply", snapshot=broken)["ok"] is False

    @rule()
    def rest(self) -> None:
        self.traffic.wait_more(10)

    @invariant()
    def every_answer_is_right(self) -> None:
        if not hasattr(self, "traffic"):
            return
        self.traffic.wait_more(2)
        answers = self.traffic.answers[:]
        for answer in answers[self.judged :]:
            sets = [allowed for since, until, allowed in self.history if since <= answer.end and until >= answer.begin]
            if not all(sets):
                assert answer.status in (200, 503), answer
            else:
                assert answer.status == 200, (answer, sets)
            if answer.status == 200:
                assert answer.server in frozenset().union(*sets), (answer, sets)
        self.judged = len(answers)

    @invariant()
    def it_holds_what_it_was_told(self) -> None:
        if not hasattr(self, "traffic"):
            return
        stats = self.plane.ask("get_stats")["stats"]
        held = {one["name"]: (one["weight"], one["admin"], one["health"]) for one in stats["backends"][0]["servers"]}
        assert held == {name: (one.weight, one.admin, one.health) for name, one in self.known.items()}
        assert stats["process"]["generation"] == self.generation

    def teardown(self) -> None:
        if hasattr(self, "traffic"):
            self.traffic.stop()

    def _patch(self, name: str, **values: Any) -> None:
        if name not in self.known:
            return
        self.known[name] = replace(self.known[name], **values)
        type(self).generation += 1
        patch = [{"backend": "app", "server": name, **values}]
        self._held(lambda: self.plane.ask("patch", generation=self.generation, servers=patch))

    def _apply(self) -> None:
        type(self).generation += 1
        self._held(lambda: self.plane.ask("apply", snapshot=self._snapshot(self.generation)))

    def _held(self, tell: Callable[[], dict[str, object]]) -> None:
        """Tell the data plane; the old may hold until it has answered, the new from when it was asked."""
        allowed = frozenset(name for name, one in self.known.items() if one.allowed)
        begin = CLOCK.now()
        answer = tell()
        assert answer["ok"], answer
        if self.history:
            since, _, before = self.history[-1]
            self.history[-1] = (since, CLOCK.now(), before)
        self.history.append((begin, float("inf"), allowed))

    def _snapshot(self, generation: int) -> dict[str, object]:
        app = backend("app", {name: f"127.0.0.1:{self.ports[name]}" for name in self.known}, balance=self.balance)
        servers = app["servers"]
        assert isinstance(servers, list)
        for server in servers:
            known = self.known[server["name"]]
            server.update(weight=known.weight, admin=known.admin, health=known.health)
        listener = f"{self.address[0]}:{self.address[1]}"
        return snapshot(generation, {listener: "web"}, [frontend("web", "app")], [app])


@pytest.fixture
def machine(trio: Servers) -> Iterator[type[Machine]]:
    with BareDataplane() as plane, Lease(1) as own:
        address = ("127.0.0.1", own.ports[0])
        plane.listen(address)
        Machine.ports, Machine.plane, Machine.address, Machine.generation = trio.ports, plane, address, 0
        yield Machine


@pytest.mark.slow
def test_no_request_fails_whatever_the_operator_does(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
