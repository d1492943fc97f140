"""Time for measurements: the one monotonic clock that every process of a run reads."""

import threading
import time


def now() -> float:
    """Seconds on the monotonic clock, which is the same in all processes of a machine."""
    return time.perf_counter()


def pause(seconds: float) -> None:
    """Let what runs go on for a while."""
    threading.Event().wait(seconds)
