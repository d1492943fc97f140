"""Waiting for a condition with a deadline: the only pause that a test may make."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from tenbin.clock import SystemClock
from tenbin.testing.client import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_CLOCK = SystemClock()
_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05


class DeadlineError(AssertionError):
    """The condition did not come true in time."""


def wait_for(condition: Callable[[], T], deadline: float = 10.0, explain: str | Callable[[], str] = "") -> T:
    """Ask until `condition` returns something true, and return that.

    Raise DeadlineError after `deadline` seconds, with `explain` (a text, or a function that tells what is the case)
    and with what the condition returned or raised last. Errors of sockets and assertions in it count as "not yet".
    """
    end = _CLOCK.now() + deadline
    pause, nap = _FIRST_PAUSE, threading.Event()
    while True:
        last: object
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, ExchangeError, AssertionError, LookupError, ValueError) as error:
            last = error
        if _CLOCK.now() >= end:
            text = explain() if callable(explain) else explain
            raise DeadlineError(f"not within {deadline:g} s: {text or repr(condition)}; last: {last!r}")
        nap.wait(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
