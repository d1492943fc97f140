"""Lengths of time and sizes as HAProxy writes them: `10s`, `250`, `64k`."""

from __future__ import annotations

import re

from tenbin.configfile.haproxy.phrases.words import Wrong

_TIME = re.compile(r"([0-9]+)(us|ms|s|m|h|d)?")
_SIZE = re.compile(r"([0-9]+)([kKmMgG])?")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LONGEST = 2**31 - 1


def milliseconds(text: str) -> int:
    """Return a length of time, in milliseconds where no unit stands."""
    match = _TIME.fullmatch(text)
    if not match:
        raise Wrong(f"unexpected character in time '{text}'", hint="such as 10s, 250ms or 1h")
    if match[2] == "us":
        return -(-int(match[1]) // 1000)
    found = int(match[1]) * _MILLISECONDS[match[2] or "ms"]
    if found > _LONGEST:
        raise Wrong(f"timer overflow in '{text}' (maximum value is 2147483647 ms or ~24.8 days)")
    return found


def size(text: str) -> int:
    """Return a number of bytes or entries; `k`, `m` and `g` are powers of 1024."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise Wrong(f"unexpected character in size '{text}'", hint="such as 100k or 1m")
    return int(match[1]) * _BYTES[(match[2] or "").lower()]
