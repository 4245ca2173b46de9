"""The rows of one session in the catalog, and what new lines of its log change in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta

import orjson

from contracts.rules.ids import format_utc, parse_utc
from contracts.rules.retention import kept_from
from contracts.storage.capture_facts import CaptureFacts, RecordedCapture, SessionFacts, describe, statement_key
from contracts.storage.session_fold import Heard, SessionFold
from contracts.storage.session_log import LogLine
from gateway.library.filters import search_text

__all__ = ["StoredSession", "forget_session"]


class StoredSession:
    """One session's rows, while lines are added to it in a transaction."""

    def __init__(self, database: sqlite3.Connection, user_id: str, session_id: str, session: SessionFacts) -> None:
        self._database = database
        self._key = (user_id, session_id)
        self._session = session
        self._fold = SessionFold(user_id, session_id, session, self._recall)

    def add(self, lines: Iterable[LogLine]) -> int:
        """Add lines, and store what they change. Returns how many could not be read."""
        before = asdict(self._session)
        for line in lines:
            self._fold.add(line)
        touched = dict(self._fold.captures)
        if any(before[name] != getattr(self._session, name) for name in _WHOLE_SESSION):
            for (text,) in self._database.execute(_FACTS_OF_SESSION, self._key).fetchall():
                capture = _capture_facts(text)
                touched.setdefault(capture.capture_id, capture)
        self._database.executemany(_PUT_CAPTURE, (self._row(capture) for capture in touched.values()))
        self._database.executemany(_PUT_HISTORY, (self._history_row(heard) for heard in self._fold.history))
        return self._session.unreadable - int(before["unreadable"])

    def _recall(self, capture_id: str) -> CaptureFacts | None:
        row = self._database.execute(_FACTS, (*self._key, capture_id)).fetchone()
        return _capture_facts(row[0]) if row else None

    def _row(self, capture: CaptureFacts) -> tuple[str | int | None, ...]:
        facts = orjson.dumps(capture).decode()
        recorded = capture.recorded
        if recorded is None:
            return (*self._key, capture.capture_id, facts, *(None,) * 13)
        user_id, session_id = self._key
        said = describe(user_id, self._session, capture)
        answer = {
            "capture_id": capture.capture_id,
            "record_id": recorded.record_id,
            "session_id": session_id,
            "user_id": user_id,
            "participant": said.participant,
            "label": said.label,
            "recorded_at": recorded.recorded_at,
            "timestamp_start": recorded.timestamp_start,
            "frames": recorded.frames,
            "duration_ms": recorded.duration_ms,
            "fps": recorded.fps,
            "found": said.found,
            "quality": recorded.quality,
            "review": said.review,
            "consent": said.consent,
            "state": said.state,
            "study": recorded.study,
            "prompt": recorded.prompt,
            "resend_of": recorded.resend_of,
        }
        search = search_text(said.label, said.participant, *self._key, capture.capture_id, recorded.record_id)
        columns = (recorded.recorded_at, said.label, said.quality, said.review, said.consent, said.state,
                   said.participant, recorded.study, recorded.prompt, search, int(said.erasing),
                   _kept_from(recorded))  # fmt: skip
        return (*self._key, capture.capture_id, facts, *columns, orjson.dumps(answer).decode())

    def _history_row(self, heard: Heard) -> tuple[str | int, ...]:
        entry = {
            "event": heard.event,
            "recorded_at": heard.recorded_at,
            "record_id": heard.record_id,
            "performer_id": heard.performer_id,
            "whole_session": not heard.capture_id,
            "details": heard.details,
        }
        key = statement_key(heard.event, heard.record_id or "")
        return (*self._key, heard.line, heard.capture_id, key, orjson.dumps(entry).decode())


_WHOLE_SESSION = ("label", "consent_given", "withdrawn", "erase")
"""The facts of a session that change what its captures' rows say."""


def _kept_from(recorded: RecordedCapture) -> str:
    recorded_at, start = parse_utc(recorded.recorded_at), parse_utc(recorded.timestamp_start)
    try:
        end = start + timedelta(milliseconds=recorded.duration_ms)
    except OverflowError:  # the device says that it ended after the year 9999
        end = recorded_at
    return format_utc(kept_from(end, recorded_at))


def _capture_facts(text: str) -> CaptureFacts:
    document = orjson.loads(text)
    recorded = document.pop("recorded")
    return CaptureFacts(**document, recorded=RecordedCapture(**recorded) if recorded else None)


def forget_session(database: sqlite3.Connection, user_id: str, session_id: str) -> None:
    for table in ("logs", "captures", "history"):
        database.execute(f"DELETE FROM {table} WHERE user_id=? AND session_id=?", (user_id, session_id))  # noqa: S608


_FACTS = "SELECT facts FROM captures WHERE user_id=? AND session_id=? AND capture_id=?"
_FACTS_OF_SESSION = "SELECT facts FROM captures WHERE user_id=? AND session_id=?"
_PUT_CAPTURE = "INSERT OR REPLACE INTO captures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_HISTORY = "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?)"
