"""Find a record's feature-ref event in the session logs by its record_id. It only reads."""

from __future__ import annotations

from pathlib import Path

from contracts.messages.event import FeatureRefEvent
from contracts.rules.errors import ArtifactError
from contracts.rules.ids import is_identifier, is_record_id, is_session_id
from contracts.rules.paths import session_log_pattern
from recorder.verify import read_session

__all__ = ["find_record"]


def find_record(
    log_root: Path, record_id: str, user_id: str | None = None, session_id: str | None = None
) -> FeatureRefEvent:
    """Find the feature-ref event of a record in all logs, or in those of a user or a session.

    Raises:
        ArtifactError: there is not exactly one such event, a log cannot be read, or an id is not valid.
    """
    if not is_record_id(record_id):
        raise ArtifactError(f"{record_id!r} is not a record_id")
    if user_id is not None and not is_identifier(user_id):
        raise ArtifactError(f"{user_id!r} is not a user_id")
    if session_id is not None and not is_session_id(session_id):
        raise ArtifactError(f"{session_id!r} is not a session_id")
    logs = sorted(log_root.glob(session_log_pattern(user_id or "*", session_id or "*")))
    events = [event for log in logs if _mentions(log, record_id) for event in _of_record(log, record_id)]
    if not events:
        raise ArtifactError(f"no session log below {log_root.absolute()} has a capture with the record_id {record_id}")
    if len(events) > 1:
        places = ", ".join(f"--user {event.user_id} --session {event.session_id}" for event in events)
        raise ArtifactError(f"{len(events)} captures have the record_id {record_id}: {places}")
    return events[0]


def _mentions(log: Path, record_id: str) -> bool:
    """Whether the log has the record_id at all; parsing each event would take much longer."""
    wanted = record_id.lower().encode()
    try:
        with log.open("rb") as lines:
            return any(wanted in line.lower() for line in lines)
    except OSError as error:
        raise ArtifactError(f"{log}: the session's log cannot be read: {error.strerror}") from error


def _of_record(log: Path, record_id: str) -> list[FeatureRefEvent]:
    return [event for _, event in read_session(log).refs if event.record_id.lower() == record_id.lower()]
