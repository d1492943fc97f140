"""Figures: what was measured, by case and proxy. Medians over rounds; ratios are made within a round first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One value a round, and others that were seen with it."""

    rounds: tuple[float, ...]
    others: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The figure that is reported."""
        return median(self.rounds)

    def other(self, name: str) -> float | None:
        """Return the median of another value."""
        values = self.others.get(name)
        return median(values) if values else None


@dataclass(frozen=True)
class Row:
    """A case: one figure a proxy. `note` says what the reader must know."""

    case: str
    unit: str
    figures: Mapping[str, Figure]
    note: str = ""

    def ratio(self, other: str, name: str = "tenbin") -> float | None:
        """How many times the figure of `other` that of `name` is; None when one of them did not take part."""
        if name not in self.figures or other not in self.figures:
            return None
        return paired(self.figures[name], self.figures[other])


def paired(figure: Figure, base: Figure) -> float:
    """Return how many times `base` a figure is: the median of the ratios within each round."""
    return median(own / their for own, their in zip(figure.rounds, base.rounds, strict=True))
