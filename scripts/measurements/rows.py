"""What a measurement says: rows of a table, each with what it is divided by. No I/O."""

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
        name: what was measured.
        value: in ``unit``.
        floor: what the least that could do it took, in the same unit and the same run; None if there is none.
        floor_name: what that is.
        goal: for the ratio of value and floor; without a floor, for the value.
        better: whether the value is to be at most the goal, or at least.
        against: what it is drawn against in a plot, and at how many of them; None if it is not drawn.
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
        """The value in units of its floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None if there is none."""
        if self.goal is None:
            return None
        measured = self.value if self.ratio is None else self.ratio
        return measured <= self.goal if self.better == "at most" else measured >= self.goal

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self) | {"ratio": self.ratio, "met": self.met}


def median(samples: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(samples)


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` of them do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
