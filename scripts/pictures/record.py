"""Find a capture's feature-ref event in the session logs by its record_id or its capture_id. It only reads."""

from __future__ import annotations

from pathlib import Path

from contracts.messages.event import FeatureRefEvent
from contracts.messages.library import CaptureState
from contracts.rules.errors import ArtifactError
from contracts.rules.ids import is_identifier, is_session_id
from contracts.rules.paths import session_log_pattern
from recorder.verify import read_session

__all__ = ["find_record"]


def find_record(
    log_root: Path, name: str, user_id: str | None = None, session_id: str | None = None, *, kept: bool = False
) -> FeatureRefEvent:
    """Find the feature-ref event with this record_id or capture_id in all logs, or in those of a user or a session.

    Raises:
        ArtifactError: there is not exactly one such event, a log cannot be read, or an id is not valid. If it must be
            ``kept``, also if consent to the capture was withdrawn, or it is erased.
    """
    if not is_identifier(name):
        raise ArtifactError(f"{name!r} is neither a record_id nor a capture_id")
    if user_id is not None and not is_identifier(user_id):
        raise ArtifactError(f"{user_id!r} is not a user_id")
    if session_id is not None and not is_session_id(session_id):
        raise ArtifactError(f"{session_id!r} is not a session_id")
    logs = sorted(log_root.glob(session_log_pattern(user_id or "*", session_id or "*")))
    events = [found for log in logs if _mentions(log, name) for found in _of_capture(log, name)]
    if not events:
        raise ArtifactError(f"no session log below {log_root.absolute()} has a capture or a record {name}")
    if len(events) > 1:
        places = ", ".join(f"--user {event.user_id} --session {event.session_id}" for event, _ in events)
        raise ArtifactError(f"{len(events)} captures or records are {name}: {places}")
    event, state = events[0]
    if kept and state != "kept":
        reason = "it is erased" if state == "erased" else "consent to it was withdrawn"
        raise ArtifactError(f"the capture {event.capture_id} is not shown: {reason}")
    return event


def _mentions(log: Path, name: str) -> bool:
    """Whether the log has the id at all; parsing each event would take much longer."""
    wanted = name.lower().encode()
    try:
        with log.open("rb") as lines:
            return any(wanted in line.lower() for line in lines)
    except OSError as error:
        raise ArtifactError(f"{log}: the session's log cannot be read: {error.strerror}") from error


def _of_capture(log: Path, name: str) -> list[tuple[FeatureRefEvent, CaptureState]]:
    reading = read_session(log)
    found = [event for _, event in reading.refs if event.record_id.lower() == name.lower() or event.capture_id == name]
    return [(event, reading.fold.describe(event.capture_id).state) for event in found]
