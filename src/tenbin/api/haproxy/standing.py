"""What HAProxy calls the state of a server (management manual, 9.1, `status`).

Owns the texts and the precedence among them. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model import Admin, Health

if TYPE_CHECKING:
    from tenbin.model import Server
    from tenbin.observe.checks import CheckSummary
    from tenbin.observe.status import ServerStatus
    from tenbin.state.store import State

FULL_SHARE = 16
"""Slow start moves in so many steps."""
OPERATION = {"stopped": 0, "starting": 1, "running": 2, "stopping": 3}


def status_of(state: State, server: Server, status: ServerStatus) -> str:
    """Return the text of one server: `UP 1/3`, `MAINT (via be/s1)` ..."""
    if status.resolved is None:
        return "MAINT (resolution)"
    if inherits_maintenance(state, status):
        return f"MAINT (via {tracked(server)})"
    if status.admin is Admin.MAINT:
        return "MAINT"
    text = _at_work(state, server, status)
    return text.replace("UP", "NOLB", 1) if is_stopping(state, status) and text.startswith("UP") else text


def is_stopping(state: State, status: ServerStatus) -> bool:
    """Return whether its check finds that it wants no new work."""
    return state.overlay.of(status.id).stopping


def inherits_maintenance(state: State, status: ServerStatus) -> bool:
    """Return whether the server that it follows is in maintenance."""
    return state.overlay.of(status.id).led is Admin.MAINT


def running(state: State, status: ServerStatus) -> bool:
    """Return whether it serves at all, as HAProxy's operational state says."""
    in_maintenance = status.admin is Admin.MAINT or inherits_maintenance(state, status)
    return not in_maintenance and status.resolved is not None and status.health is not Health.DOWN


def operation(state: State, status: ServerStatus) -> int:
    """Return `srv_op_state`: 0 stopped, 1 starting, 2 running, 3 stopping."""
    if not running(state, status):
        return OPERATION["stopped"]
    if is_stopping(state, status):
        return OPERATION["stopping"]
    return OPERATION["starting" if status.health is Health.STARTING else "running"]


def draining(state: State, status: ServerStatus) -> bool:
    """Return whether it, or the server that it follows, is to take no new work; a weight of 0 shows as a weight."""
    return Admin.DRAIN in {status.admin, state.overlay.of(status.id).led}


def share_of_start(status: ServerStatus) -> int:
    """Return how many sixteenths of its weight slow start lets a server have."""
    throttle = status.traffic.throttle if status.traffic is not None else 100
    if not status.usable or not 0 < throttle < 100:
        return FULL_SHARE
    return FULL_SHARE * throttle // 100 + 1


def rounded(sixteenths: int) -> int:
    """Return a weight that was counted in sixteenths."""
    return (sixteenths + FULL_SHARE - 1) // FULL_SHARE


def tracked(server: Server) -> str:
    """Return the name of the server that it follows, "" for none."""
    return str(server.track) if server.track is not None else ""


def _at_work(state: State, server: Server, status: ServerStatus) -> str:
    check = status.check
    if status.health is Health.DOWN:
        return "DOWN (agent)" if status.agent is not None and not status.agent.level else f"DOWN{_rising(check)}"
    if draining(state, status) and status.agent is not None:
        return "DRAIN (agent)"
    if draining(state, status):
        return f"DRAIN{_falling(check)}"
    if check is None and server.track is None:
        return "no check"
    return f"UP{_falling(check)}"


def _rising(check: CheckSummary | None) -> str:
    """How far it is on the way up: `1/2` after one of two passes."""
    if check is None or not 0 < check.level < check.rise:
        return ""
    return f" {check.level}/{check.rise}"


def _falling(check: CheckSummary | None) -> str:
    """How far it is on the way down: `2/3` after one of three failures."""
    if check is None or not check.rise <= check.level < check.rise + check.fall - 1:
        return ""
    return f" {check.level - check.rise + 1}/{check.fall}"
