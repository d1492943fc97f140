"""What one word and one short text say of a server's state.

Owns the precedence among admin state, name resolution, health and ejection, and the texts, which follow HAProxy's
status strings (management manual, section 9.1) and add what HAProxy does not have. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING

from tenbin.model import Admin, Health

if TYPE_CHECKING:
    from tenbin.observe.checks import CheckSummary


class Condition(StrEnum):
    """The one thing that matters most about a server now, from worst precedence to none.

    `unchecked` has no check configured, `unknown` has one that has not finished yet; both get work.
    """

    MAINT = "maint"
    UNRESOLVED = "unresolved"
    DOWN = "down"
    DRAIN = "drain"
    EJECTED = "ejected"
    STARTING = "starting"
    UNCHECKED = "unchecked"
    UNKNOWN = "unknown"
    UP = "up"


USABLE = frozenset({Condition.STARTING, Condition.UNCHECKED, Condition.UNKNOWN, Condition.UP})
"""The conditions in which a server with a weight gets new work."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a condition is decided by; `ejected` in seconds, `throttle` in percent."""

    admin: Admin
    health: Health
    resolved: bool
    checked: bool
    ejected: float
    throttle: int


def condition(facts: Facts) -> Condition:
    """Return the condition of a server."""
    if facts.admin is Admin.MAINT:
        return Condition.MAINT
    if not facts.resolved:
        return Condition.UNRESOLVED
    if facts.health is Health.DOWN:
        return Condition.DOWN
    if facts.admin is Admin.DRAIN:
        return Condition.DRAIN
    if facts.ejected > 0:
        return Condition.EJECTED
    if facts.health is Health.STARTING:
        return Condition.STARTING
    if not facts.checked:
        return Condition.UNCHECKED
    return Condition.UP if facts.health is Health.UP else Condition.UNKNOWN


def text(of: Condition, facts: Facts, check: CheckSummary | None) -> str:
    """Return the text: `UP 2/3` after one of three failures, `DOWN 1/2` after one of two passes."""
    match of:
        case Condition.UNCHECKED:
            return "no check"
        case Condition.UNKNOWN:
            return "not checked"
        case Condition.EJECTED:
            return f"EJECTED {ceil(facts.ejected)}s"
        case Condition.STARTING:
            return f"STARTING {facts.throttle}%" if 0 < facts.throttle < 100 else "STARTING"
        case Condition.DOWN:
            return f"DOWN{_fraction(of, check)}" + (" (drain)" if facts.admin is Admin.DRAIN else "")
        case Condition.UP | Condition.DRAIN:
            return f"{of.upper()}{_fraction(of, check)}"
        case Condition.MAINT | Condition.UNRESOLVED:
            return of.upper()


def _fraction(of: Condition, check: CheckSummary | None) -> str:
    if check is None:
        return ""
    if of is Condition.DOWN:
        return f" {check.passes}/{check.rise}" if 0 < check.passes < check.rise else ""
    return f" {check.fall - check.failures}/{check.fall}" if 0 < check.failures < check.fall else ""
