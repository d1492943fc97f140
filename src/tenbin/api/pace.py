"""How much one source may ask of the admin API: requests a second, and wrong tokens.

Owns the counting. Pure: time comes in from outside, and what is kept is bounded however many sources there are. All
addresses of an IPv6 network of 64 bits count as one source, for whoever has one of them has all.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

SOURCES = 1024
"""Sources that are remembered; the one that was quiet for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class Rates:
    """`requests` a second and `burst` at once; `guesses` wrong tokens in `window` seconds; each by one source."""

    requests: float = 200.0
    burst: float = 400.0
    guesses: int = 10
    window: float = 60.0


@dataclass(slots=True)
class _Source:
    left: float
    seen: float
    wrong: deque[float] = field(default_factory=deque)


class Pace:
    """Counts by source; `now` is in seconds and never goes back."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def too_many(self, source: str, now: float) -> float:
        """Count a request; return 0, or in how many seconds the source may ask again."""
        rates = self._rates
        known = self._known(source, now)
        known.left = min(known.left + (now - known.seen) * rates.requests, rates.burst)
        known.seen = now
        if known.left < 1:
            return (1 - known.left) / rates.requests
        known.left -= 1
        return 0.0

    def shut_out(self, source: str, now: float) -> float:
        """Return 0, or for how many seconds no token of this source is looked at."""
        wrong = self._known(source, now).wrong
        while wrong and now - wrong[0] >= self._rates.window:
            wrong.popleft()
        return wrong[0] + self._rates.window - now if len(wrong) >= self._rates.guesses else 0.0

    def wrong_token(self, source: str, now: float) -> int:
        """Count a wrong token and return how many came within the window."""
        wrong = self._known(source, now).wrong
        wrong.append(now)
        return len(wrong)

    def _known(self, source: str, now: float) -> _Source:
        key = _network(source)
        if key not in self._sources:
            if len(self._sources) >= SOURCES:
                self._sources.popitem(last=False)
            self._sources[key] = _Source(self._rates.burst, now)
        self._sources.move_to_end(key)
        return self._sources[key]


def _network(source: str) -> str:
    try:
        address = ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if not isinstance(address, IPv6Address):
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
