"""What a conversion had to leave out, and what is done in another way, each with where it stands and why."""

from __future__ import annotations

from dataclasses import dataclass, field

Yaml = dict[str, object]
"""A mapping of the file that is written."""


@dataclass(slots=True)
class Notes:
    """Collects `file:line` and reason, each once.

    `lost` is what there are no words for; `other` what has another way here. `dropped` are the `id`s of objects that
    were left out, and of objects with the field that was.
    """

    lost: dict[tuple[str, str], None] = field(default_factory=dict)
    other: dict[tuple[str, str], None] = field(default_factory=dict)
    dropped: set[object] = field(default_factory=set)

    def add(self, position: str, reason: str, *dropped: object) -> None:
        """Note that what stands at `file:line` or `file:line:column` is left out; `dropped` are objects, or pairs."""
        self.lost[_place(position), reason] = None
        self._drop(dropped)

    def elsewhere(self, position: str, reason: str, *dropped: object) -> None:
        """Note that what stands there is no setting of this language, and what does its work."""
        self.other[_place(position), reason] = None
        self._drop(dropped)

    def _drop(self, dropped: tuple[object, ...]) -> None:
        self.dropped.update((id(one[0]), one[1]) if isinstance(one, tuple) else id(one) for one in dropped)


def lines(found: dict[tuple[str, str], None]) -> tuple[str, ...]:
    """Notes in the order of the file."""
    return tuple(f"{place}: {reason}" if place else reason for place, reason in sorted(found, key=_order))


def _place(position: str) -> str:
    file, _, rest = position.partition(":")
    line = rest.partition(":")[0]
    return f"{file}:{line}" if line else file


def _order(note: tuple[str, str]) -> tuple[str, int, str]:
    file, _, line = note[0].rpartition(":")
    return file, int(line) if line.isdigit() else 0, note[1]
