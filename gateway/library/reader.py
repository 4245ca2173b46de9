"""Read the catalog for the routes. It blocks: call it in a thread.

Each function opens the file and sees one state of it, whatever is written meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import orjson

from contracts.messages.library import (
    CaptureState,
    Consent,
    LibraryQuery,
    ReviewVerdict,
)
from contracts.rules.quality_reasons import QualityVerdict
from contracts.rules.retention import RetentionRules
from contracts.state.window import CaptureWindow
from contracts.storage.capture_facts import statement_key
from gateway.library.database import reading
from gateway.library.due import FOR_EVER, KEPT_ANSWER, kept_answer
from gateway.library.filters import PLACE_COLUMNS, condition_of, next_cursor, read_cursor, shows

__all__ = [
    "CatalogCapture",
    "KnownCapture",
    "is_recorded",
    "read_capture",
    "read_known",
    "read_page",
    "read_recorded",
    "read_summary",
]

MOST_HISTORY = 1_000
MOST_VALUES = 1_000
"""How many entries of a history, and how many users and labels of a summary, one answer has."""


@dataclass(frozen=True, slots=True)
class KnownCapture:
    """What a route that says something about a capture must know of it.

    ``said_at`` is when the same event was recorded, if it was.
    """

    state: CaptureState
    said_at: str | None


@dataclass(frozen=True, slots=True)
class CatalogCapture:
    """A recorded capture as the catalog has it. ``found`` and ``quality`` are None if its event does not say them;
    ``reference`` is its event's ``raw_features_ref``."""

    capture_id: str
    record_id: str
    user_id: str
    session_id: str
    recorded_at: str
    frames: int
    found: dict[str, int] | None
    quality: dict[str, Any] | None
    state: CaptureState
    reference: dict[str, Any]


def read_page(
    folder: Path, query: LibraryQuery, people: frozenset[str] | None = None, rules: RetentionRules = FOR_EVER
) -> bytes:
    """One page of captures: a ``LibraryPage``, JSON. Captures of other people than these do not exist; None stands for
    all. ``rules`` say until when each is kept.

    Raises:
        RequestRefused: 400 ``invalid_cursor``.
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    condition = condition_of(query, people)
    wanted = condition.after(read_cursor(condition, query.cursor))
    with reading(folder) as database:
        total = database.execute(f"SELECT count(*) FROM captures WHERE {condition.sql}", condition.values).fetchone()[0]  # noqa: S608
        rows = database.execute(
            f"SELECT {KEPT_ANSWER}, {PLACE_COLUMNS} FROM captures WHERE {wanted.sql} "  # noqa: S608
            "ORDER BY recorded_at DESC, capture_id DESC, session_id DESC, user_id DESC LIMIT ?",
            (*wanted.values, query.limit + 1),
        ).fetchall()
    page = rows[: query.limit]
    cursor = next_cursor(condition, page[-1][3:]) if len(rows) > len(page) else None
    return orjson.dumps(
        {"captures": [orjson.Fragment(kept_answer(rules, *row[:3])) for row in page], "next": cursor, "total": total}
    )


def read_capture(
    folder: Path, capture_id: str, people: frozenset[str] | None = None, rules: RetentionRules = FOR_EVER
) -> bytes | None:
    """One capture with its history: a ``LibraryCaptureWithHistory``, JSON; None if there is none. If the logs of two
    sessions have a capture of this id, it is the one that was recorded first. ``people`` and ``rules`` as for
    `read_page`.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        condition, values = shows(people)
        row = database.execute(_CAPTURE.format(shows=condition), (capture_id, *values)).fetchone()
        if row is None:
            return None
        *kept, user_id, session_id = row
        entries = database.execute(_HISTORY, (user_id, session_id, capture_id, MOST_HISTORY)).fetchall()
    history = [orjson.loads(entry) for (entry,) in reversed(entries)]
    return orjson.dumps({**orjson.loads(kept_answer(rules, *kept)), "history": history})


def read_recorded(
    folder: Path, capture_id: str, session: tuple[str, str] | None = None, people: frozenset[str] | None = None
) -> CatalogCapture | None:
    """A recorded capture of this user_id and session_id, or, without them, the first that was recorded with this
    capture_id; None if there is none. ``people`` as for `read_page`.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        condition, values = shows(people)
        rows = database.execute(_RECORDED.format(shows=condition), (capture_id, *values)).fetchall()
    for answer, facts in map(_documents, rows):
        if session is None or session == (answer["user_id"], answer["session_id"]):
            reference = facts["recorded"]["reference"]
            shown = {name: answer[name] for name in CatalogCapture.__slots__ if name != "reference"}
            return CatalogCapture(**shown, reference=reference)
    return None


def _documents(row: tuple[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    answer, facts = row
    return orjson.loads(answer), orjson.loads(facts)


def is_recorded(folder: Path, window: CaptureWindow) -> bool:
    """Whether a log has a capture of this ``capture_id``, or of this ``record_id`` in the window's session.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    key = statement_key("capture.recorded", window.record_id)
    with reading(folder) as database:
        values = (window.capture_id, window.user_id, window.session_id, key)
        return bool(database.execute(_IS_RECORDED, values).fetchone()[0])


def read_known(folder: Path, key: tuple[str, str, str], event: str, record_id: str) -> KnownCapture | None:
    """What is known of the capture with this user, session and id; None if the catalog does not have it.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        row = database.execute(_STATE, key).fetchone()
        if row is None:
            return None
        said = database.execute(_SAID, (*key, statement_key(event, record_id))).fetchone()
    return KnownCapture(row[0], orjson.loads(said[0])["recorded_at"] if said else None)


def read_summary(folder: Path, people: frozenset[str] | None = None) -> bytes:
    """Count the captures by value: a ``LibrarySummary``, JSON. ``people`` as for `read_page`.

    Raises:
        sqlite3.Error, OSError: the catalog cannot be read.
    """
    with reading(folder) as database:
        condition, values = shows(people)
        total, sessions = database.execute(_TOTALS.format(shows=condition), values).fetchone()

        def counted(column: str, *names: str) -> dict[str, int]:
            counting = _COUNTS.format(column=column, shows=condition)
            rows = database.execute(counting, (*values, MOST_VALUES)).fetchall()
            return dict.fromkeys(names, 0) | dict(rows)

        def verdicts(column: str, *names: str) -> dict[str, int]:
            counts = counted(column, *names, "")
            return {**{name: counts[name] for name in names}, "none": counts[""]}

        counts = {
            "total": total,
            "sessions": sessions,
            "user": counted("user_id"),
            "participant": counted("participant"),
            "label": counted("label"),
            "quality": verdicts("quality", *get_args(QualityVerdict)),
            "review": verdicts("review", *get_args(ReviewVerdict)),
            "consent": counted("consent", *get_args(Consent)),
            "state": counted("state", *get_args(CaptureState)),
        }
    return orjson.dumps(counts)


_CAPTURE = f"""SELECT {KEPT_ANSWER}, user_id, session_id FROM captures
    WHERE capture_id=? AND {{shows}} ORDER BY recorded_at, session_id, user_id LIMIT 1"""  # noqa: S608
_RECORDED = """SELECT answer, facts FROM captures
    WHERE capture_id=? AND {shows} ORDER BY recorded_at, session_id, user_id"""
_HISTORY = """SELECT entry FROM history
    WHERE user_id=? AND session_id=? AND capture_id IN ('', ?) ORDER BY line DESC LIMIT ?"""
_STATE = "SELECT state FROM captures WHERE user_id=? AND session_id=? AND capture_id=? AND recorded_at IS NOT NULL"
_IS_RECORDED = """SELECT EXISTS (SELECT 1 FROM captures WHERE capture_id=? AND recorded_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM history WHERE user_id=? AND session_id=? AND key=?)"""
_SAID = "SELECT entry FROM history WHERE user_id=? AND session_id=? AND capture_id=? AND key=? ORDER BY line LIMIT 1"
_TOTALS = "SELECT count(*), count(DISTINCT session_id) FROM captures WHERE {shows}"
_COUNTS = """SELECT ifnull({column}, ''), count(*) AS number FROM captures
    WHERE {shows} GROUP BY 1 ORDER BY number DESC, 1 LIMIT ?"""
