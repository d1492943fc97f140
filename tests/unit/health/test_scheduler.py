"""When checks run and what is reported, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tenbin.health import Checker, CheckStatus, HealthChange, Target
from tenbin.health.result import Outcome
from tenbin.health.target import Way
from tenbin.model import Health, HttpCheck, Observe, OnErrors, Protocol, SendProxy, ServerId
from unit.health.support import ManualClock, check, running, settle, target

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.anyio

UP, DOWN = Outcome(CheckStatus.L4OK), Outcome(CheckStatus.L4CON, None, "connection refused")
S1 = ServerId("app", "s1")


class Bench:
    """A checker whose probes answer what the test says; `starts` holds when each server was asked."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.changes: list[HealthChange] = []
        self.starts: list[tuple[float, str]] = []
        self.answer: Outcome | None = UP  # None: no answer until the timeout
        self.script: deque[Outcome] = deque()
        self.busy: Counter[str] = Counter()
        self.most_busy = 0
        self.checker = Checker(self.clock, self.changes.append, probe=self._probe)

    async def _probe(self, asked: Target) -> Outcome:
        name = asked.id.server
        self.starts.append((self.clock.now(), name))
        self.busy[name] += 1
        self.most_busy = max(self.most_busy, self.busy.total())
        assert self.busy[name] == 1, "two checks of one server at once"
        try:
            if self.script:
                return self.script.popleft()
            if self.answer is not None:
                return self.answer
            await self.clock.sleep(asked.within)
            return Outcome(CheckStatus.L4TOUT, None, "no connection in time")
        finally:
            self.busy[name] -= 1

    def times(self, name: str = "s1") -> list[float]:
        return [time for time, asked in self.starts if asked == name]

    def gaps(self, name: str = "s1") -> list[float]:
        times = self.times(name)
        return [round(after - before, 2) for before, after in pairwise(times)]

    def told(self) -> list[str]:
        return [f"{change.id.server} {change.old}->{change.new}: {change.reason}" for change in self.changes]


def many(count: int, **settings: object) -> list[Target]:
    return [target(f"s{number}", how=check(None, **settings)) for number in range(count)]


async def test_the_first_round_finds_dead_servers_within_a_second() -> None:
    bench = Bench()
    bench.answer = DOWN
    bench.checker.replace(many(100, every=60_000))
    async with running(bench.checker.run()):
        await bench.clock.advance(1.02)
    assert len(bench.changes) == 100
    assert bench.told()[0].endswith("unknown->down: L4CON connection refused (first check)")


async def test_the_first_round_is_spread() -> None:
    bench = Bench()
    bench.checker.replace(many(1000))
    async with running(bench.checker.run()):
        await bench.clock.advance(1.02)
    tenths = Counter(int((time - 1000) * 10) for time, _ in bench.starts)
    assert max(tenths[tenth] for tenth in range(10)) < 150


async def test_later_rounds_are_spread_over_the_interval() -> None:
    bench = Bench()
    bench.checker.replace(many(1000, every=10_000))
    async with running(bench.checker.run()):
        await bench.clock.advance(60)
        begin = bench.clock.now()
        await bench.clock.advance(10)
    seconds = Counter(int(time - begin) for time, _ in bench.starts if time >= begin)
    assert 950 <= seconds.total() <= 1050
    assert max(seconds.values()) < 200


async def test_down_and_up_with_reason_and_pace() -> None:
    bench = Bench()
    bench.checker.replace([target()])
    bench.script.extend([UP, UP, DOWN, DOWN, DOWN, DOWN, UP, UP, UP])
    async with running(bench.checker.run()):
        await bench.clock.advance(30)
    assert bench.told() == [
        "s1 unknown->up: L4OK (first check)",
        "s1 up->down: L4CON connection refused (3 of 3 checks)",
        "s1 down->up: L4OK (2 of 2 checks)",
    ]
    #               up   up->1  2    3 down    4 down  up 1
    assert bench.gaps()[1:8] == [2.0, 1.0, 1.0, 4.0, 4.0, 1.0, 2.0]


async def test_the_start_from_a_known_health() -> None:
    bench = Bench()
    bench.checker.replace([target("up", health=Health.UP), target("down", health=Health.DOWN)])
    async with running(bench.checker.run()):
        await bench.clock.advance(1.02)
        assert bench.told() == []
        await bench.clock.advance(8)
    assert bench.told() == ["down down->up: L4OK (2 of 2 checks)"]


async def test_a_starting_server_is_up_after_its_first_passed_check() -> None:
    bench = Bench()
    bench.script.extend([DOWN])
    bench.checker.replace([target(health=Health.STARTING)])
    async with running(bench.checker.run()):
        await bench.clock.advance(10)
    assert bench.told() == ["s1 starting->up: L4OK (1 of 2 checks)"]


async def test_results_and_view() -> None:
    bench = Bench()
    bench.checker.replace([target()])
    async with running(bench.checker.run()):
        await bench.clock.advance(0.1)
        view = bench.checker.view(S1)
        assert (view.health, view.passes, view.failures, view.value) == (Health.UP, 1, 0, 4)
        bench.answer = DOWN
        while (view := bench.checker.view(S1)).failures < 2:
            await bench.clock.advance(0.1)
        assert (view.health, view.failures, view.value, view.failed_total, view.downs) == (Health.UP, 2, 2, 2, 0)
        await bench.clock.advance(200)
        view = bench.checker.view(S1)
    assert (view.health, view.value, view.downs, view.passed_total) == (Health.DOWN, 0, 1, 1)
    results = bench.checker.results(S1)
    assert len(results) == 20
    assert results[0] is view.last
    assert results[0].at > results[1].at
    assert (results[0].status, results[0].text, results[0].code) == (CheckStatus.L4CON, "connection refused", None)


async def test_a_server_that_is_not_checked() -> None:
    bench = Bench()
    view = bench.checker.view(S1)
    assert (view.health, view.last, view.value) == (Health.UNKNOWN, None, 0)
    assert bench.checker.results(S1) == ()
    bench.checker.trigger(S1)


async def test_unchanged_servers_keep_state_history_and_schedule() -> None:
    one, two = Bench(), Bench()
    for bench in (one, two):
        bench.checker.replace([target(), target("s2")])
        async with running(bench.checker.run()):
            for _ in range(40):
                await bench.clock.advance(0.25)
                if bench is two:
                    bench.checker.replace([target(health=Health.DOWN), target("s3")])
    assert one.times() == two.times()
    assert len(two.checker.results(S1)) == len(two.times())
    assert len(two.times("s2")) <= 1
    assert two.checker.results(ServerId("app", "s2")) == ()
    assert [line for line in two.told() if line.startswith("s1")] == ["s1 unknown->up: L4OK (first check)"]


async def test_another_address_or_probe_begins_anew_but_keeps_the_totals() -> None:
    bench = Bench()
    bench.checker.replace([target()])
    async with running(bench.checker.run()):
        await bench.clock.advance(10)
        passed = bench.checker.view(S1).passed_total
        assert passed > 2
        bench.checker.replace([target(port=81)])
        assert bench.checker.results(S1) == ()
        assert bench.checker.view(S1).health is Health.UNKNOWN
        bench.answer = DOWN
        await bench.clock.advance(1.02)
        assert bench.checker.view(S1).health is Health.DOWN
        assert bench.checker.view(S1).passed_total == passed
        bench.checker.replace([target(port=81, how=check(HttpCheck("GET", "/", (), ((200, 200),), "")))])
        assert bench.checker.view(S1).health is Health.UNKNOWN


async def test_another_pace_keeps_the_standing_and_holds_at_once() -> None:
    bench = Bench()
    bench.checker.replace([target(how=check(every=60_000))])
    async with running(bench.checker.run()):
        await bench.clock.advance(70)
        count = len(bench.times())
        bench.checker.replace([target(how=check(every=500))])
        assert bench.checker.view(S1).health is Health.UP
        await bench.clock.advance(5.1)
    assert 9 <= len(bench.times()) - count <= 11


async def test_another_way_to_the_same_server_keeps_the_standing() -> None:
    bench = Bench()
    bench.checker.replace([target()])
    async with running(bench.checker.run()):
        await bench.clock.advance(10)
        bench.checker.replace([replace(target(), way=Way(None, SendProxy(2, tls=False), Protocol.HTTP2))])
        assert bench.checker.view(S1).health is Health.UP
        assert bench.checker.results(S1)


async def test_a_removed_server_is_not_reported_even_if_its_check_was_under_way() -> None:
    bench = Bench()
    bench.answer = None
    bench.checker.replace([target()])
    async with running(bench.checker.run()):
        while not bench.starts:
            await bench.clock.advance(0.05)
        assert bench.checker.view(S1).running
        bench.checker.replace([])
        await bench.clock.advance(30)
    assert (bench.told(), len(bench.starts), bench.busy.total()) == ([], 1, 0)


async def test_a_trigger_checks_at_once_but_not_more_often_than_fast() -> None:
    bench = Bench()
    bench.checker.replace([target(how=check(every=60_000))])
    async with running(bench.checker.run()):
        await bench.clock.advance(100)
        count = len(bench.times())
        for _ in range(100):
            bench.checker.trigger(S1)
            await bench.clock.advance(0.05)
    assert 5 <= len(bench.times()) - count <= 6
    assert bench.times()[count] - 1100 < 0.05


async def test_checks_of_one_server_never_overlap_and_slow_ones_do_not_add_up() -> None:
    bench = Bench()
    bench.answer = None
    bench.checker.replace([target(how=check(every=1000, fast=1000, down=1000, timeout=3000))])
    async with running(bench.checker.run()):
        await bench.clock.advance(30)
    assert all(3.0 <= gap <= 3.05 for gap in bench.gaps())


async def test_at_most_512_connections_and_32_programs_at_once() -> None:
    from tenbin.model import ExecCheck

    for how, limit in ((check(), 512), (check(ExecCheck(("true",))), 32)):
        bench = Bench()
        bench.answer = None
        bench.checker.replace(target(f"s{number}", how=how) for number in range(1200))
        async with running(bench.checker.run()):
            await bench.clock.advance(10)
        assert bench.most_busy == limit
        assert bench.busy.total() == 0


async def test_every_server_gets_its_turn_when_all_hang() -> None:
    bench = Bench()
    bench.answer = None
    bench.checker.replace(many(1200))
    async with running(bench.checker.run()):
        await bench.clock.advance(5)
    assert len({name for _, name in bench.starts}) == 1200


async def test_removing_servers_that_wait_for_their_turn_gives_nothing_away() -> None:
    bench = Bench()
    bench.answer = None
    bench.checker.replace(many(1200))
    async with running(bench.checker.run()):
        await bench.clock.advance(0.9)
        bench.checker.replace([])
        await settle()
        bench.answer = UP
        bench.checker.replace([target("fresh")])
        await bench.clock.advance(1.1)
        assert bench.checker.view(ServerId("app", "fresh")).health is Health.UP


async def test_after_a_stop_missed_checks_do_not_come_in_a_burst() -> None:
    bench = Bench()
    bench.checker.replace(many(500))
    async with running(bench.checker.run()):
        await bench.clock.advance(10)
        before = len(bench.starts)
        await bench.clock.stop(60)
        awake = bench.clock.now()
        assert len(bench.starts) - before < 20
        await bench.clock.advance(2.1)
    after = Counter(name for time, name in bench.starts if time >= awake)
    assert len(after) == 500
    assert max(after.values()) <= 2


async def test_a_stop_during_a_check_does_not_blame_the_server() -> None:
    bench = Bench()
    bench.checker.replace([target(how=check(fall=1), health=Health.UP)])
    async with running(bench.checker.run()):
        await bench.clock.advance(3)
        bench.answer = None
        while not bench.checker.view(S1).running:
            await bench.clock.advance(0.05)
        bench.answer = UP
        await bench.clock.stop(30)
        await bench.clock.advance(5)
    assert bench.told() == []
    assert bench.checker.view(S1).failed_total == 0


async def test_a_machine_that_is_always_late_still_finds_dead_servers() -> None:
    bench = Bench()
    bench.checker.replace([target(health=Health.UP)])
    bench.answer = None
    async with running(bench.checker.run()):
        for _ in range(30):
            await bench.clock.stop(4)
    assert bench.told() == ["s1 up->down: L4TOUT no connection in time (3 of 3 checks)"]


async def test_our_own_shortage_is_shown_but_takes_no_server_down() -> None:
    bench = Bench()
    bench.answer = Outcome(CheckStatus.SOCKERR, None, "this machine: too many open files")
    bench.checker.replace([target(health=Health.UP)])
    async with running(bench.checker.run()):
        await bench.clock.advance(60)
    assert bench.told() == []
    assert bench.checker.results(S1)[0].status is CheckStatus.SOCKERR


async def test_a_defect_of_a_probe_does_not_end_the_checks() -> None:
    async def broken(asked: Target) -> Outcome:
        raise ZeroDivisionError(asked.id)

    clock, changes = ManualClock(), list[HealthChange]()
    checker = Checker(clock, changes.append, probe=broken)
    checker.replace([target()])
    async with running(checker.run()):
        await clock.advance(20)
    assert len(checker.results(S1)) > 3
    assert checker.results(S1)[0].text == "ZeroDivisionError: app/s1"


async def test_run_ends_all_checks_when_it_is_cancelled() -> None:
    bench = Bench()
    bench.answer = None
    bench.checker.replace(many(50))
    others: Iterable[asyncio.Task[object]] = asyncio.all_tasks()
    async with running(bench.checker.run()):
        await bench.clock.advance(0.9)
        assert bench.busy.total() > 20
    await settle()
    assert bench.busy.total() == 0
    assert asyncio.all_tasks() == others


def observed(then: OnErrors) -> Target:
    return target(how=check(observe=Observe(7, 3, then), every=60_000))


@pytest.mark.parametrize(
    ("then", "told", "level"),
    [
        (OnErrors.FAST_CHECKS, [], 4),
        (OnErrors.FAIL_CHECK, [], 3),
        (OnErrors.SUDDEN_DEATH, [], 2),
        (OnErrors.MARK_DOWN, ["s1 up->down: HANA so many errors (3 of 3 checks)"], 0),
    ],
)
async def test_errors_of_requests_count_as_configured(then: OnErrors, told: list[str], level: int) -> None:
    bench = Bench()
    bench.checker.replace([observed(then)])
    async with running(bench.checker.run()):
        await bench.clock.advance(1.02)
        bench.changes.clear()
        asked = len(bench.starts)
        bench.checker.suspect(S1, "so many errors")
        view = bench.checker.view(S1)
        assert (bench.told(), view.value, view.suspicions) == (told, level, 1)
        assert view.last is not None
        assert (view.last.status is CheckStatus.HANA) == (then is not OnErrors.FAST_CHECKS)
        await bench.clock.advance(1.1)
        assert len(bench.starts) == asked + 1, "the next check comes within `fast`"


async def test_errors_of_requests_to_servers_that_are_not_watched_mean_nothing() -> None:
    bench = Bench()
    bench.checker.replace([target()])
    bench.checker.suspect(S1, "so many errors")
    bench.checker.suspect(ServerId("app", "other"), "so many errors")
    assert bench.checker.view(S1).suspicions == 0
    assert not bench.changes


async def test_failures_of_a_server_that_is_down_are_told_apart() -> None:
    bench = Bench()
    bench.answer = DOWN
    bench.checker.replace([target()])
    async with running(bench.checker.run()):
        await bench.clock.advance(10)
    view = bench.checker.view(S1)
    assert (view.failed_alive, view.failed_total > 1) == (1, True)
