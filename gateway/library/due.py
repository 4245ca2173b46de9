"""What the catalog knows of captures whose time may be over. It blocks: call it in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from contracts.rules.ids import format_utc, parse_utc
from contracts.rules.retention import RetentionRule, RetentionRules, kept_until
from gateway.library.database import reading

__all__ = [
    "FOR_EVER",
    "KEPT_ANSWER",
    "DueCapture",
    "DueSpan",
    "StudyAge",
    "count_due",
    "kept_answer",
    "read_ages",
    "read_due",
]

FOR_EVER = RetentionRules()
"""The rules of a gateway that keeps everything for ever."""

_IS_KEPT = "erasing = 0 AND state != 'erased'"  # as in the index: null for a capture that is not recorded

KEPT_ANSWER = f"answer, CASE WHEN {_IS_KEPT} THEN kept_from END, study"
"""The columns that `kept_answer` takes."""


@dataclass(frozen=True, slots=True)
class DueSpan:
    """The captures of one rule that came due in a time. Without a ``since``, all that are due."""

    rule: RetentionRule
    until: datetime
    since: datetime | None = None

    def kept_from(self) -> tuple[str | None, str, str]:
        """The study, and between which moments its captures' days began, as the catalog has them."""
        days = timedelta(days=self.rule.days)
        return self.rule.study, "" if self.since is None else _earlier(self.since, days), _earlier(self.until, days)


@dataclass(frozen=True, slots=True)
class DueCapture:
    """A capture whose time was over at ``due_at``."""

    user_id: str
    session_id: str
    capture_id: str
    study: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StudyAge:
    """How many captures of a study are kept, and from when the days of the oldest count."""

    captures: int
    oldest: datetime


def kept_answer(rules: RetentionRules, answer: str, start: str | None, study: str | None) -> str:
    """A capture's stored answer with its ``kept_until``. ``start`` is from when its days count; None if it is erased,
    or waits for that."""
    end = kept_until(parse_utc(start), rules.days_of(study)) if start is not None else None
    return f'{answer[:-1]},"kept_until":{_json(end)}}}'


def read_due(folder: Path, spans: list[DueSpan], most: int) -> list[DueCapture]:
    """The captures that came due, ``most`` at most, those whose time was over first at the beginning.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    found = []
    with reading(folder) as database:
        for span in spans:
            for user_id, session_id, capture_id, start in database.execute(_DUE, (*span.kept_from(), most)):
                due_at = parse_utc(start) + timedelta(days=span.rule.days)
                found.append(DueCapture(user_id, session_id, capture_id, span.rule.study, due_at))
    return sorted(found, key=lambda each: (each.due_at, each.capture_id))[:most]


def count_due(folder: Path, spans: list[DueSpan]) -> int:
    """How many captures came due. Errors as `read_due`."""
    with reading(folder) as database:
        return sum(database.execute(_COUNT, span.kept_from()).fetchone()[0] for span in spans)


def read_ages(folder: Path) -> Mapping[str | None, StudyAge]:
    """How old the captures of each study are; None has those without a study. Errors as `read_due`."""
    with reading(folder) as database:
        return {study: StudyAge(count, parse_utc(oldest)) for study, count, oldest in database.execute(_AGES)}


def _json(moment: datetime | None) -> str:
    return "null" if moment is None else f'"{format_utc(moment)}"'


def _earlier(moment: datetime, days: timedelta) -> str:
    try:
        return format_utc(moment - days)
    except OverflowError:  # before the year 1
        return ""


_WITHIN = f"study IS ? AND kept_from >= ? AND kept_from <= ? AND {_IS_KEPT}"
_DUE = f"SELECT user_id, session_id, capture_id, kept_from FROM captures WHERE {_WITHIN} ORDER BY kept_from LIMIT ?"  # noqa: S608
_COUNT = f"SELECT count(*) FROM captures WHERE {_WITHIN}"  # noqa: S608
_AGES = f"SELECT study, count(*), min(kept_from) FROM captures WHERE {_IS_KEPT} GROUP BY study"  # noqa: S608
