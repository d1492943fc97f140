"""What a conversion had to leave out, each with where it stands and why."""

from __future__ import annotations

from dataclasses import dataclass, field

Yaml = dict[str, object]
"""A mapping of the file that is written."""


@dataclass(slots=True)
class Notes:
    """Collects `file:line` and reason, each once."""

    found: dict[tuple[str, str], None] = field(default_factory=dict)

    def add(self, position: str, reason: str) -> None:
        """Note that what stands at `file:line` or `file:line:column` is left out."""
        file, _, rest = position.partition(":")
        line = rest.partition(":")[0]
        self.found[f"{file}:{line}" if line else file, reason] = None

    def lines(self) -> list[str]:
        """The notes in the order of the file."""
        return [f"{place}: {reason}" if place else reason for place, reason in sorted(self.found, key=_order)]


def _order(note: tuple[str, str]) -> tuple[str, int, str]:
    file, _, line = note[0].rpartition(":")
    return file, int(line) if line.isdigit() else 0, note[1]
