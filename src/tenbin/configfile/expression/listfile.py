"""Files of patterns and maps: a pattern a line, or a key and what it stands for; `#` begins a comment line."""

from __future__ import annotations


def entries(text: str, *, is_map: bool) -> tuple[tuple[str, str], ...]:
    """Return patterns, or keys with what they stand for; what stands for a pattern is ""."""
    found = []
    for line in text.splitlines():
        stripped = line.lstrip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        if not is_map:
            found.append((stripped, ""))
            continue
        key = stripped.replace("\t", " ").partition(" ")[0]
        found.append((key, stripped[len(key) :].strip(" \t")))
    return tuple(found)
