"""Numbers as people read them: short counts, durations and sizes. Owns the rounding of everything in the table."""

from __future__ import annotations


def count(number: int) -> str:
    """Return `99999`, `1.2M`, `3.4G`: exact while it fits in five digits."""
    if number < 100_000:
        return str(number)
    for letter, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return str(number)


def duration(seconds: float) -> str:
    """Return `0.3ms`, `12ms`, `1.2s`, `3m 5s`, `2h 5m`, `4d 3h`: two digits or two units are enough."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    for (letter, size), (smaller, part) in (
        (("d", 86_400), ("h", 3600)),
        (("h", 3600), ("m", 60)),
        (("m", 60), ("s", 1)),
    ):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{letter} {rest}{smaller}" if rest else f"{whole // size}{letter}"
    return f"{whole}s"


def size(octets: int) -> str:
    """Return `512B`, `8.0MiB`."""
    number = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{octets}B" if unit == "B" else f"{number:.1f}{unit}"
        number /= 1024
    return f"{number:.1f}TiB"
