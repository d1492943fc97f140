"""The merge of what the file says, what runtime changed and what was counted."""

from __future__ import annotations

import time
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from tenbin.model import Address, Admin, Health, ServerId
from tenbin.observe import jsonform
from tenbin.observe.condition import Condition
from tenbin.observe.outage import Service
from tenbin.observe.status import ServerStatus, Status, build
from tenbin.state.overlay import Overlay, ServerOverlay
from unit.observe import samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.observe.checks import CheckSummary
    from tenbin.plan import wire

FIRST = ServerId("app", "server1")


def overlay(**changes: object) -> Overlay:
    return Overlay().changed(FIRST, **changes)


def built(over: Overlay, *, checked: bool = True, check: CheckSummary | None = None) -> ServerStatus:
    config = samples.two_servers(checked=checked)
    status = build(config, over, samples.stats(config), samples.watched(check), samples.NOW, 0.25)
    return status.backends[0].servers[0]


def with_server(stats: wire.Stats, **fields: object) -> wire.Stats:
    backend = stats.backends[0]
    first = backend.servers[0].model_copy(update=fields)
    servers = (first, *backend.servers[1:])
    return stats.model_copy(update={"backends": (backend.model_copy(update={"servers": servers}),)})


def test_a_runtime_change_is_in_force_and_told() -> None:
    server = built(overlay(weight=200, admin=Admin.DRAIN, health=Health.UP))
    assert (server.weight, server.file_weight) == (200, 5)
    assert (server.admin, server.file_admin) == (Admin.DRAIN, Admin.READY)
    assert server.overrides == ("weight 5 → 200 (runtime)", "admin ready → drain (runtime)")
    assert built(overlay(weight=5, admin=Admin.READY)).overrides == ()
    assert built(overlay(weight=0)).weight == 0


@pytest.mark.parametrize(
    ("changes", "passes", "failures", "text"),
    [
        ({"health": Health.UP}, 3, 0, "UP"),
        ({"health": Health.UP}, 0, 1, "UP 2/3"),
        ({"health": Health.UP}, 0, 2, "UP 1/3"),
        ({"health": Health.DOWN}, 0, 9, "DOWN"),
        ({"health": Health.DOWN}, 1, 0, "DOWN 1/2"),
        ({"health": Health.DOWN, "admin": Admin.DRAIN}, 0, 9, "DOWN (drain)"),
        ({"health": Health.UP, "admin": Admin.DRAIN}, 3, 0, "DRAIN"),
        ({"health": Health.UP, "admin": Admin.DRAIN}, 0, 1, "DRAIN 2/3"),
        ({"health": Health.DOWN, "admin": Admin.MAINT}, 0, 9, "MAINT"),
        ({"health": Health.STARTING}, 2, 0, "STARTING"),
        ({}, 0, 0, "not checked"),
    ],
)
def test_the_text_tells_the_state(changes: dict[str, object], passes: int, failures: int, text: str) -> None:
    assert built(overlay(**changes), check=samples.summary(passes=passes, failures=failures)).text == text


def test_a_server_without_check_gets_work() -> None:
    server = built(Overlay(), checked=False)
    assert (server.text, server.condition, server.usable) == ("no check", Condition.UNCHECKED, True)


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"health": Health.STARTING}, True),
        ({"health": Health.DOWN}, False),
        ({"admin": Admin.DRAIN}, False),
        ({"admin": Admin.MAINT}, False),
        ({"weight": 0}, False),
    ],
)
def test_who_gets_new_work(changes: dict[str, object], usable: bool) -> None:
    assert built(overlay(**changes)).usable is usable


def test_ejection_and_slow_start_come_from_the_data_plane() -> None:
    config = samples.two_servers()
    up = overlay(health=Health.UP)
    out = with_server(samples.stats(config), ejected=11_500)
    server = build(config, up, out, samples.WATCHED, samples.NOW, 0).backends[0].servers[0]
    assert (server.text, server.usable) == ("EJECTED 12s", False)
    slow = with_server(samples.stats(config), throttle=40)
    server = build(config, overlay(health=Health.STARTING), slow, samples.WATCHED, 0, 0).backends[0].servers[0]
    assert (server.text, server.usable) == ("STARTING 40%", True)


def test_a_name_without_address_gets_no_work_until_it_has_one() -> None:
    config = samples.config(samples.backend("app", (samples.server("server1", host="app.internal"),)))
    server = build(config, Overlay(), None, samples.WATCHED, 0, 0).backends[0].servers[0]
    assert (server.text, server.resolved, server.usable) == ("UNRESOLVED", None, False)
    found = overlay(address=Address("10.9.9.9", 3001))
    server = build(config, found, None, samples.WATCHED, 0, 0).backends[0].servers[0]
    assert (server.address, server.resolved, server.usable) == ("app.internal:3001", "10.9.9.9:3001", True)


def test_since_is_an_age() -> None:
    server = built(overlay(health=Health.DOWN, reason="L4CON connection refused (3 of 3 checks)", since=990.5))
    assert (server.since, server.reason) == (9.5, "L4CON connection refused (3 of 3 checks)")
    assert built(Overlay()).since is None


def test_downtime_runs_while_a_server_is_out() -> None:
    config = samples.two_servers()
    out = samples.watched(None, Service(False, samples.NOW - 12.5, downs=3, before=20.0))
    status = build(config, Overlay(), None, out, samples.NOW, 0)
    server, backend = status.backends[0].servers[0], status.backends[0]
    assert (server.downs, server.downtime, server.changed) == (3, 32.5, 12.5)
    assert (backend.downs, backend.downtime, backend.changed) == (3, 32.5, 12.5)
    unknown = build(config, Overlay(), None, samples.watched(None), samples.NOW, 0).backends[0]
    assert (unknown.downs, unknown.downtime, unknown.changed) == (0, 0.0, None)


def test_a_listener_is_full_at_the_limit_of_its_frontend() -> None:
    config = samples.two_servers()
    stats = samples.stats(config)

    def text(limit: int) -> str:
        limits = replace(config.frontends[0].limits, connections=limit)
        limited = replace(config, frontends=(replace(config.frontends[0], limits=limits),))
        return build(limited, Overlay(), stats, samples.WATCHED, 0, 0).frontends[0].listeners[0].text

    assert [text(0), text(4), text(3)] == ["OPEN", "OPEN", "FULL"]
    silent = build(config, Overlay(), None, samples.WATCHED, 0, 0)
    assert silent.frontends[0].listeners[0].text == "not serving"


def test_a_backend_counts_its_usable_servers() -> None:
    servers = (samples.server("server1"), samples.server("server2", weight=3), samples.server("b", backup=True))
    config = samples.config(samples.backend("app", servers))
    backend = build(config, overlay(health=Health.DOWN), None, samples.WATCHED, 0, 0).backends[0]
    assert (backend.text, backend.active, backend.backups, backend.weight) == ("UP", 1, 1, 3)
    down = Overlay(MappingProxyType({ServerId("app", s.name): ServerOverlay(health=Health.DOWN) for s in servers}))
    backend = build(config, down, None, samples.WATCHED, 0, 0).backends[0]
    assert (backend.text, backend.up, backend.active, backend.weight) == ("DOWN", False, 0, 0)
    empty = build(samples.config(samples.backend("app", ())), Overlay(), None, samples.WATCHED, 0, 0)
    assert empty.backends[0].text == "DOWN"


def test_figures_are_in_seconds_and_bytes() -> None:
    config = samples.two_servers()
    status = build(config, Overlay(), samples.stats(config), samples.WATCHED, samples.NOW, 0.25)
    assert status.process is not None
    assert (status.process.uptime, status.process.cpu, status.generation, status.age) == (61.5, 1.5, 8, 0.25)
    traffic = status.backends[0].servers[0].traffic
    assert traffic is not None
    assert traffic.phases.total.p99 == pytest.approx(0.015)
    assert traffic.phases.queue.samples == 0
    assert traffic.responses == {"1xx": 0, "2xx": 100, "3xx": 10, "4xx": 5, "5xx": 3, "other": 0}
    assert traffic.last_used is None
    assert status.frontends[0].listeners[0].traffic is not None


def test_without_the_data_plane_figures_are_unknown_rather_than_zero() -> None:
    status = build(samples.two_servers(), Overlay(), None, samples.WATCHED, samples.NOW, 9)
    assert (status.attached, status.generation, status.process) == (False, 0, None)
    assert status.frontends[0].traffic is None
    assert status.backends[0].traffic is None
    assert status.backends[0].servers[0].traffic is None


def test_a_server_that_the_data_plane_does_not_know_yet_has_no_figures() -> None:
    config = samples.two_servers()
    known = replace(config, backends=(replace(config.backends[0], servers=config.backends[0].servers[:1]),))
    status = build(config, Overlay(), samples.stats(known), samples.WATCHED, 0, 0)
    assert [server.traffic is None for server in status.backends[0].servers] == [False, True]


def test_numbers_are_unique_among_frontends_and_backends() -> None:
    config = samples.config(*(samples.backend(name, (samples.server("a"),)) for name in ("x", "y")))
    status = build(config, Overlay(), None, samples.WATCHED, 0, 0)
    assert [entry.number for entry in status.frontends] == [1]
    assert [entry.number for entry in status.backends] == [2, 3]


def test_the_document_reads_back_equal_and_is_plain_json() -> None:
    config = samples.two_servers()
    over = overlay(weight=7, health=Health.DOWN, reason='say "hi"\x1b', since=5.0)
    status = build(config, over, samples.stats(config), samples.WATCHED, samples.NOW, 0.25)
    assert jsonform.load(jsonform.dump(status)) == status
    document = jsonform.to_json(status)
    backends = document["backends"]
    assert isinstance(backends, list)
    assert isinstance(backends[0], dict)
    first = backends[0]["servers"]
    assert isinstance(first, list)
    assert isinstance(first[0], dict)
    assert first[0]["weight"] == 7
    assert first[0]["condition"] == "down"


def test_the_time_for_the_document_grows_with_the_servers_and_no_faster() -> None:
    few, many = (best(page_of(count)) for count in (200, 2_000))
    assert many < 30 * few


def page_of(servers: int) -> Callable[[], object]:
    config = samples.large(servers)
    stats = samples.stats(config)
    check = samples.summary(history=20)

    def page() -> Status:
        status = build(config, Overlay(), stats, samples.watched(check), samples.NOW, 0)
        jsonform.dump(status)
        return status

    return page


def best(work: Callable[[], object]) -> float:
    """Return the CPU time of the cheapest of five runs, for the machine may be busy with something else."""
    durations = []
    for _ in range(5):
        begun = time.thread_time()
        work()
        durations.append(time.thread_time() - begun)
    return min(durations)
