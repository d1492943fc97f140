"""When results make a server up or down: a pure machine of five phases and one transition table.

The counting is HAProxy's (its manual on `rise`, `fall`, `inter`, `fastinter`, `downinter`). A server that was never
checked counts as up with one failure left: its first failed check takes it down, its first passed one makes it up.
Afterwards `fall` failures in a row take a server down and `rise` passes in a row bring it up; one contrary result
starts the count anew. Knows no time and performs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from tenbin.model import Health, OnErrors

if TYPE_CHECKING:
    from tenbin.model import Check, Duration


class Phase(Enum):
    """Where a server stands; `FALLING` still counts as up, `RISING` still counts as down."""

    NEW = auto()
    UP = auto()
    FALLING = auto()
    DOWN = auto()
    RISING = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """A phase and how many results in a row point its way; `failed` is whether those were failures."""

    phase: Phase
    run: int
    failed: bool

    @property
    def health(self) -> Health:
        """What the rest of the program is told."""
        return _HEALTH[self.phase]


def initial(health: Health) -> Standing:
    """Return where a server starts that is said to have this health."""
    return Standing(_INITIAL[health], 0, failed=False)


def eager(check: Check) -> Standing:
    """Return where a server starts that is down until its first check passes."""
    return Standing(Phase.RISING, check.rise - 1, failed=False) if check.rise > 1 else initial(Health.DOWN)


def step(standing: Standing, check: Check, *, passed: bool) -> Standing:
    """Return where the server stands after one more result."""
    same_way = standing.run > 0 and standing.failed != passed
    run = standing.run + 1 if same_way else 1
    short, reached = _TRANSITIONS[standing.phase, passed]
    needed = check.rise if passed else check.fall
    after = Standing(reached if run >= needed else short, run, failed=not passed)
    if __debug__:
        _verify(after, check)
    return after


def suspect(standing: Standing, check: Check, then: OnErrors) -> Standing:
    """Return where the server stands after requests to it have met too many errors."""
    if then is OnErrors.FAST_CHECKS:
        return standing
    level = value(standing, check)
    left = {OnErrors.MARK_DOWN: 1, OnErrors.SUDDEN_DEATH: 2}.get(then, check.fall)
    if level >= check.rise and level - check.rise + 1 > left:
        # As if so many checks had failed that this is one of the last.
        failures = check.fall - left
        standing = Standing(Phase.FALLING, failures, failed=True) if failures else standing
    return step(standing, check, passed=False)


def fit(standing: Standing, check: Check) -> Standing:
    """Return the standing under another rise and fall: it stays in its phase, at most one result short of the next."""
    most = {Phase.FALLING: check.fall - 1, Phase.RISING: check.rise - 1}.get(standing.phase, standing.run)
    return replace(standing, run=min(standing.run, most))


def value(standing: Standing, check: Check) -> int:
    """Return HAProxy's `check_health`: 0 to rise + fall - 1, at least rise while the server counts as up."""
    full = check.rise + check.fall - 1
    match standing.phase:
        case Phase.NEW:
            return check.rise
        case Phase.UP:
            return full
        case Phase.FALLING:
            return full - standing.run
        case Phase.RISING:
            return standing.run
        case Phase.DOWN:
            return 0


def pace(standing: Standing, check: Check) -> Duration:
    """Return how long to wait from one check to the next."""
    match standing.phase:
        case Phase.UP:
            return check.every
        case Phase.DOWN:
            return check.down
        case Phase.NEW | Phase.FALLING | Phase.RISING:
            return check.fast


# (phase, passed) -> phase while the run is shorter than rise or fall, phase once it is long enough.
_TRANSITIONS: dict[tuple[Phase, bool], tuple[Phase, Phase]] = {
    (Phase.NEW, True): (Phase.UP, Phase.UP),
    (Phase.NEW, False): (Phase.DOWN, Phase.DOWN),
    (Phase.UP, True): (Phase.UP, Phase.UP),
    (Phase.UP, False): (Phase.FALLING, Phase.DOWN),
    (Phase.FALLING, True): (Phase.UP, Phase.UP),
    (Phase.FALLING, False): (Phase.FALLING, Phase.DOWN),
    (Phase.DOWN, True): (Phase.RISING, Phase.UP),
    (Phase.DOWN, False): (Phase.DOWN, Phase.DOWN),
    (Phase.RISING, True): (Phase.RISING, Phase.UP),
    (Phase.RISING, False): (Phase.DOWN, Phase.DOWN),
}
_HEALTH = {
    Phase.NEW: Health.UNKNOWN,
    Phase.UP: Health.UP,
    Phase.FALLING: Health.UP,
    Phase.DOWN: Health.DOWN,
    Phase.RISING: Health.DOWN,
}
_INITIAL = {
    Health.UNKNOWN: Phase.NEW,
    Health.STARTING: Phase.UP,
    Health.UP: Phase.UP,
    Health.DOWN: Phase.DOWN,
}


def _verify(standing: Standing, check: Check) -> None:
    level = value(standing, check)
    counts_as_up = standing.health is Health.UP
    holds = (
        0 <= level <= check.rise + check.fall - 1
        and counts_as_up == (level >= check.rise)
        and (standing.phase is not Phase.FALLING or standing.run < check.fall)
        and (standing.phase is not Phase.RISING or standing.run < check.rise)
    )
    if not holds:
        raise AssertionError(f"impossible standing {standing} with rise {check.rise} and fall {check.fall}")
