"""How long captures are kept: the days of each study, from which moment they count, and when they are over. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ["MOST_DAYS", "RetentionRule", "RetentionRules", "kept_from", "kept_until"]

MOST_DAYS = 36_500
"""The longest time that can be set: a hundred years."""

CLOCK_ERROR = timedelta(days=1)
"""A device whose clock differs by more from the server's has a wrong clock, or sent an old video."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Captures of one study, or with None those without a study, are kept for so many days."""

    study: str | None
    days: int

    @property
    def name(self) -> str:
        """The rule as one word. A study whose days change has another rule."""
        return f"{self.days}:{self.study or ''}"


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """How many days captures are kept; None is for ever.

    Attributes:
        default: the days of captures without a study.
        studies: the days of every study that the gateway knows. A study that it does not know may have promised more
            than ``default``, so its captures are kept.
    """

    default: int | None = None
    studies: Mapping[str, int | None] = field(default_factory=dict)

    def days_of(self, study: str | None) -> int | None:
        """The days of one study's captures; of those without a study, if it is None."""
        return self.default if study is None else self.studies.get(study)

    def all(self) -> list[RetentionRule]:
        """The rules with an end, the one for captures without a study first."""
        days: dict[str | None, int | None] = {None: self.default} | dict(self.studies)
        return [RetentionRule(study, each) for study, each in days.items() if each is not None]


def kept_from(timestamp_end: datetime, recorded_at: datetime) -> datetime:
    """The moment from which a capture's days count: its end, as its device says it.

    If that is later than the server recorded it, or more than a day earlier, the time of recording counts: a camera
    without a clock begins at 1970, and what it records would be erased as soon as it is there.
    """
    is_credible = recorded_at - CLOCK_ERROR <= timestamp_end <= recorded_at
    return timestamp_end if is_credible else recorded_at


def kept_until(start: datetime, days: int | None) -> datetime | None:
    """When a capture's days are over that count from ``start``; None if it is kept for ever."""
    if days is None:
        return None
    try:
        return start + timedelta(days=days)
    except OverflowError:  # after the year 9999
        return None
