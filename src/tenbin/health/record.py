"""What the checker remembers of one server: its standing, its last results, its totals."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tenbin.health import policy
from tenbin.health.agenda import SHORTEST
from tenbin.health.result import CheckStatus
from tenbin.health.target import CheckView, HealthChange, Target
from tenbin.model import AgentCheck, Health, OnErrors

if TYPE_CHECKING:
    from asyncio import Task

    from tenbin.health.result import CheckResult

HISTORY = 20


class Record:
    """One server under check.

    `task` is the check under way, `started` when the last one began (None: never), `rounds` how many ended
    since the server was new or this process stood still.
    `late`: the last one ended so long after its time that this process must have stood still.
    """

    __slots__ = (
        "_downs",
        "_failed",
        "_health",
        "_passed",
        "_standing",
        "_stopping",
        "_suspicions",
        "_unwell",
        "late",
        "results",
        "rounds",
        "started",
        "target",
        "task",
    )

    def __init__(self, target: Target) -> None:
        self._downs = self._passed = self._failed = self._unwell = self._suspicions = 0
        self.restart(target)

    def restart(self, target: Target) -> None:
        """Begin anew with another address or probe; only the totals go on, as they belong to the name."""
        self.target = target
        self.results: deque[CheckResult] = deque(maxlen=HISTORY)
        self.task: Task[None] | None = None
        self.started: float | None = None
        self.rounds = 0
        self.late = False
        self._health = target.health
        self._stopping = False
        self._standing = self._begun(target.health, eager=target.eager)

    def keeps_state(self, target: Target) -> bool:
        """Whether what is known holds for this target too: the same probe asks the same address."""
        mine = self.target
        return target.where == mine.where and target.check.probe == mine.check.probe

    def adjust(self, target: Target) -> None:
        """Go on with another pace, rise or fall."""
        self.target = target
        self._standing = policy.fit(self._standing, target.check)

    def pace(self) -> float:
        """Return the seconds from one check to the next."""
        return max(policy.pace(self._standing, self.target.check).seconds, SHORTEST)

    def take(self, result: CheckResult) -> HealthChange | None:
        """Count a result; return the change of health that it makes."""
        self.rounds += 1
        self.results.appendleft(result)
        if not self._counts(result.status):
            return None
        passed = result.status.passed
        return self._turn(result, policy.step(self._standing, self.target.check, passed=passed), passed=passed)

    def suspect(self, result: CheckResult, then: OnErrors) -> HealthChange | None:
        """Count that requests met too many errors; return the change of health that it makes."""
        self._suspicions += 1
        if then is OnErrors.FAST_CHECKS:
            return None
        self.results.appendleft(result)
        return self._turn(result, policy.suspect(self._standing, self.target.check, then), passed=False)

    def _turn(self, result: CheckResult, after: policy.Standing, *, passed: bool) -> HealthChange | None:
        before, self._standing = self._standing, after
        self._passed += passed
        self._failed += not passed
        self._unwell += not passed and policy.value(before, self.target.check) > 0
        old, new = self._health, after.health
        stopping = new is Health.UP and (result.status is CheckStatus.L7OKC if passed else self._stopping)
        turned, self._stopping = stopping is not self._stopping, stopping
        if not turned and (new is old or passed != (new is Health.UP)):
            return None
        self._health = new
        self._downs += new is Health.DOWN
        reason = f"{result} ({self._count(before, passed=passed)})"
        return HealthChange(self.target.id, old, new, reason, stopping)

    def view(self) -> CheckView:
        """Return the standing for people."""
        standing, check = self._standing, self.target.check
        return CheckView(
            health=self._health,
            passes=0 if standing.failed else standing.run,
            failures=standing.run if standing.failed else 0,
            rise=check.rise,
            fall=check.fall,
            value=policy.value(standing, check),
            passed_total=self._passed,
            failed_total=self._failed,
            failed_alive=self._unwell,
            suspicions=self._suspicions,
            downs=self._downs,
            running=self.task is not None,
            last=self.results[0] if self.results else None,
        )

    def force(self, health: Health, *, stopping: bool = False, eager: bool = False) -> None:
        """Somebody says how the server is; the next results count from there."""
        self._health, self._stopping = health, stopping
        self._standing = self._begun(health, eager=eager)

    def _begun(self, health: Health, *, eager: bool) -> policy.Standing:
        return policy.eager(self.target.check) if eager and health is Health.DOWN else policy.initial(health)

    def _counts(self, status: CheckStatus) -> bool:
        """Whether it says anything of the server; an agent that cannot be asked says nothing."""
        if isinstance(self.target.check.probe, AgentCheck):
            return status in {CheckStatus.L7OK, CheckStatus.L7STS}
        return status.conclusive

    def _count(self, before: policy.Standing, *, passed: bool) -> str:
        if before.phase is policy.Phase.NEW:
            return "first check"
        needed = self.target.check.rise if passed else self.target.check.fall
        return f"{min(self._standing.run, needed)} of {needed} checks"
