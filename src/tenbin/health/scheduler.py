"""When checks run: the one loop that starts them, counts their results and reports changes of health.

Owns pace, spreading, the bound on what runs at once, and what a pause of this very process means. Does not know how a
server is asked (`probe`) nor when results make it up or down (`policy`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from tenbin.health.agenda import SHORTEST, Agenda, first_delay, second_delay
from tenbin.health.probe import Probes
from tenbin.health.record import Record
from tenbin.health.result import CheckResult, CheckStatus, Outcome, printable
from tenbin.health.target import CheckView
from tenbin.model import ExecCheck, Health, OnErrors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tenbin.clock import Clock
    from tenbin.health.result import Said
    from tenbin.health.target import HealthChange, Target
    from tenbin.model import ServerId


class Checker:
    """Checks a set of servers and calls `report` for each change of health; used from one event loop only.

    Checks of one server never overlap. At most 512 run at once (32 programs), so that they leave descriptors to
    others; further ones wait their turn. `probe` asks one server, and is another one only in tests. `heard` is told
    what agents want, before their word on health counts.
    """

    def __init__(
        self,
        clock: Clock,
        report: Callable[[HealthChange], None],
        *,
        probe: Callable[[Target], Awaitable[Outcome]] | None = None,
        heard: Callable[[ServerId, Said], None] | None = None,
    ) -> None:
        self._clock = clock
        self._report = report
        self.checked: Callable[[ServerId, CheckResult], None] | None = None
        """Hears of every check that said anything, before what follows from it."""
        self._heard = heard
        self._probes = Probes()
        self._probe = probe or self._probes
        self._records: dict[ServerId, Record] = {}
        self._agenda = Agenda()
        self._connections = _Slots(512)
        self._programs = _Slots(32)
        self._tasks: set[asyncio.Task[None]] = set()
        self._nap: asyncio.Task[None] | None = None
        self._nap_end = 0.0
        self._late = False

    def replace(self, targets: Iterable[Target]) -> None:
        """Check exactly these servers from now on; what did not change keeps state, history and schedule.

        A server whose address or probe changed begins anew with the health that the target names; one whose pace
        changed keeps its standing. The health of a target that is known already says nothing.
        """
        wanted = {target.id: target for target in targets}
        for server in self._records.keys() - wanted.keys():
            self._withdraw(self._records.pop(server))
        for target in wanted.values():
            self._place(target)

    async def run(self) -> None:
        """Check until cancelled; once in a checker's life."""
        self._respread(self._clock.now())
        try:
            while True:
                await self._sleep_until_due()
                self._start_due()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._probes.close()

    def trigger(self, server: ServerId) -> None:
        """Check this server at once, as requests to it fail; at most once in its `fast` interval."""
        record = self._records.get(server)
        if record is not None and record.task is None:
            now = self._clock.now()
            fast = max(record.target.check.fast.seconds, SHORTEST)
            earliest = now if record.started is None else record.started + fast
            self._bring_forward(server, max(now, earliest))

    def suspect(self, server: ServerId, text: str) -> None:
        """Requests to this server met too many errors in a row, as `text` says."""
        record = self._records.get(server)
        observe = record.target.check.observe if record is not None else None
        if record is None or observe is None:
            return
        result = CheckResult(CheckStatus.HANA, None, 0.0, printable(text), self._clock.wall())
        change = record.suspect(result, observe.then)
        if record.task is None:
            fast = max(record.target.check.fast.seconds, SHORTEST)
            self._bring_forward(server, self._clock.now() + fast)
        if self.checked is not None and observe.then is not OnErrors.FAST_CHECKS:
            self.checked(server, result)
        if change is not None:
            self._report(change)

    def force(self, server: ServerId, health: Health, *, stopping: bool = False, eager: bool = False) -> None:
        """Let a server be up, up without new work, or down until its checks say otherwise (`eager`: the first one)."""
        record = self._records.get(server)
        if record is not None:
            record.force(health, stopping=stopping, eager=eager)

    def results(self, server: ServerId) -> tuple[CheckResult, ...]:
        """Return the last 20 results, newest first; none for a server that is not checked."""
        record = self._records.get(server)
        return tuple(record.results) if record else ()

    def view(self, server: ServerId) -> CheckView:
        """Return the standing of a server; one that is not checked has an unknown health and zeros."""
        record = self._records.get(server)
        return record.view() if record else _UNCHECKED

    def _place(self, target: Target) -> None:
        record = self._records.get(target.id)
        now = self._clock.now()
        if record is None:
            self._records[target.id] = Record(target)
            self._plan(target.id, now + first_delay(target.id, target.check.every))
        elif not record.keeps_state(target):
            self._withdraw(record)
            record.restart(target)
            self._plan(target.id, now + first_delay(target.id, target.check.every))
        elif record.target != target:
            record.adjust(target)
            self._bring_forward(target.id, now + record.pace())

    def _withdraw(self, record: Record) -> None:
        self._agenda.drop(record.target.id)
        if record.task is not None:
            record.task.cancel()
            record.task = None

    def _plan(self, server: ServerId, due: float) -> None:
        """Make the server due, and cut the loop's sleep short if that is before its end."""
        self._agenda.set(server, due)
        if self._nap is not None and due < self._nap_end:
            self._nap.cancel()

    def _bring_forward(self, server: ServerId, due: float) -> None:
        if self._agenda.may_come(server, due):
            self._plan(server, due)

    async def _sleep_until_due(self) -> None:
        """Wait for the next check, in steps of at least a tick: what falls due within it starts together."""
        due, now = self._agenda.next(), self._clock.now()
        self._nap_end = now + (_IDLE if due is None else max(due - now, _TICK))
        self._nap = asyncio.ensure_future(self._clock.sleep(self._nap_end - now))
        try:
            await asyncio.wait((self._nap,))
        finally:
            self._nap.cancel()
        late = self._clock.now() > self._nap_end + _PAUSE
        if late and not self._late:
            self._respread(self._clock.now())
        self._late = late

    def _respread(self, now: float) -> None:
        """After a pause of this process, begin a new round rather than all missed checks at once."""
        for server in self._agenda.take(now):
            record = self._records[server]
            record.rounds = 0
            self._agenda.set(server, now + first_delay(server, record.target.check.every))

    def _start_due(self) -> None:
        for server in self._agenda.take(self._clock.now()):
            record = self._records[server]
            task = asyncio.get_running_loop().create_task(self._check(record))
            record.task = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _check(self, record: Record) -> None:
        target = record.target
        slots = self._programs if isinstance(target.check.probe, ExecCheck) else self._connections
        await slots.take()
        try:
            record.started = started = self._clock.now()
            try:
                outcome = await self._probe(target)
            except Exception as failure:  # noqa: BLE001 - a defect of a probe must not end the checks of its server
                outcome = Outcome(CheckStatus.SOCKERR, None, printable(f"{type(failure).__name__}: {failure}"))
        finally:
            slots.give_back()
        self._finish(record, outcome, started)

    def _finish(self, record: Record, outcome: Outcome, started: float) -> None:
        """Count the outcome, plan the next check, report; a check of an older target never gets here."""
        record.task = None
        server, now = record.target.id, self._clock.now()
        if self._says_nothing(record, outcome, now - started):
            self._plan(server, now + first_delay(server, record.target.check.every))
            return
        result = CheckResult(outcome.status, outcome.code, now - started, outcome.text, self._clock.wall())
        if outcome.said is not None and self._heard is not None:
            self._heard(server, outcome.said)
        change = record.take(result)
        self._plan(server, max(now, started + self._gap(record)))
        if self.checked is not None:
            self.checked(server, result)
        if change is not None:
            self._report(change)

    def _says_nothing(self, record: Record, outcome: Outcome, duration: float) -> bool:
        """Whether a failure is our own: this process stood still while the answer waited.

        Told by a check that took longer than its time allows. Believed only of the first of several in a row, so
        that a machine that is always late still finds dead servers.
        """
        late = not outcome.status.passed and duration > record.target.within + _PAUSE
        excused = late and not record.late
        record.late = late
        return excused

    def _gap(self, record: Record) -> float:
        interval = record.pace()
        if record.rounds == 1:
            return second_delay(record.target.id, interval)
        return interval * (1 + self._clock.jitter(record.target.check.jitter))


class _Slots:
    """A bound on what runs at once, first come first served."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


# Seconds: how finely starts are batched, how long to sleep with nothing to do, what lateness shows a pause.
_TICK = 0.01
_IDLE = 3600.0
_PAUSE = 0.5
_UNCHECKED = CheckView(
    health=Health.UNKNOWN,
    passes=0,
    failures=0,
    rise=0,
    fall=0,
    value=0,
    passed_total=0,
    failed_total=0,
    failed_alive=0,
    suspicions=0,
    downs=0,
    running=False,
    last=None,
)
