"""What processes hold over a long time, and whether it grows.

A process that is replaced begins anew, so each life has a line of its own; all lines share one slope. The first part
of a life is left out: buffers, pools and caches fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from support.kernel import descriptors, resident

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at one moment: seconds, resident bytes, descriptors."""

    second: float
    pid: int
    memory: int
    held: int


@dataclass(frozen=True, slots=True)
class Growth:
    """An hour's growth of memory in MiB and of descriptors, and what there was in the end."""

    memory: float
    descriptors: float
    last_memory: float
    last_descriptors: int
    lives: int


def sample(second: float, pid: int) -> Sample | None:
    """Look at a process; None when it has just ended."""
    try:
        return Sample(second, pid, resident(pid), descriptors(pid))
    except OSError:
        return None


def sample_data_plane(second: float, status: Mapping[str, Any]) -> Sample | None:
    """Look at the data plane as the status shows it; None when there is none.

    Descriptors of connections come and go with the load: those that are counted as open are left out.
    """
    process = status["process"]
    if process is None:
        return None
    servers = [server["traffic"] for backend in status["backends"] for server in backend["servers"]]
    open_ = process["connections"] + sum(one["idle"] + one["current"] for one in servers if one)
    return Sample(second, process["pid"], process["resident"], process["descriptors"] - open_)


def growth(samples: Sequence[Sample], warm_up: float) -> Growth:
    """Fit lines to what was sampled after `warm_up` seconds of each life."""
    lives = [list(life) for _, life in groupby(samples, key=lambda one: one.pid)]
    warm = [[one for one in life if one.second >= life[0].second + warm_up] for life in lives]
    last = samples[-5:]
    return Growth(
        memory=round(_slope(warm, lambda one: one.memory / 2**20) * HOUR, 2),
        descriptors=round(_slope(warm, lambda one: one.held) * HOUR, 1),
        last_memory=round(median(one.memory for one in last) / 2**20, 1) if last else 0.0,
        last_descriptors=round(median(one.held for one in last)) if last else 0,
        lives=len(lives),
    )


def _slope(lives: Sequence[Sequence[Sample]], value: Callable[[Sample], float]) -> float:
    """Return the least-squares slope a second that all lives share, each from a level of its own."""
    above = below = 0.0
    for life in lives:
        if len(life) < 2:
            continue
        middle, level = fmean(one.second for one in life), fmean(value(one) for one in life)
        above += sum((one.second - middle) * (value(one) - level) for one in life)
        below += sum((one.second - middle) ** 2 for one in life)
    return above / below if below else 0.0
