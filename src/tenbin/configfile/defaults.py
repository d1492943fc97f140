"""What holds where a configuration says nothing, in whatever language it is; numbers alone, so that it costs nothing.

Owns the values that several languages share. The native language documents them where they may be set.
"""

from __future__ import annotations

import os

from tenbin.model.values import Duration, MemoryLimit

CONNECTIONS = 20_000
PENDING = 4096
BUFFER = 16 << 10
MEMORY = MemoryLimit(size=0, percent=95)
GLITCHES = 100
HANDSHAKES = 10_000
HANDSHAKE = Duration(5_000)
DRAIN = Duration(30_000)

_MOST_THREADS = 64


def default_threads() -> int:
    """One thread for each core that this process may use."""
    return max(1, min(len(os.sched_getaffinity(0)), _MOST_THREADS))
