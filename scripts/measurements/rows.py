"""The rows of the table of measurements, each with its floor and goal. No I/O."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["BenchRow", "median", "percentile"]


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One line of the table.

    Attributes:
        name: the name of the measured quantity.
        value: the measured value, in ``unit``.
        floor: the value of the simplest program that does the same, in the same unit and run; None if there is none.
        floor_name: the name of that program.
        goal: the goal for the ratio of value and floor; without a floor, for the value.
        better: whether the goal is a maximum or a minimum.
        against: the name of the plot's x axis, and the row's place on it; None if the row is not drawn.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    floor: float | None = None
    floor_name: str = ""
    better: Literal["at most", "at least"] = "at most"
    against: tuple[str, int] | None = None

    @property
    def ratio(self) -> float | None:
        """The value divided by its floor; None without a floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        measured = self.value if self.ratio is None else self.ratio
        return measured <= self.goal if self.better == "at most" else measured >= self.goal

    def document(self) -> dict[str, Any]:
        """The row for ``bench.json``, with its ratio and whether it met its goal."""
        return asdict(self) | {"ratio": self.ratio, "met": self.met}


def median(samples: Sequence[float]) -> float:
    """The median of the samples."""
    return statistics.median(samples)


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` (0 to 1) of the samples do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
