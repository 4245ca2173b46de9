"""The rules of sessions: ids, answers, events, refusals. No I/O; the caller passes in the time and new ids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

import orjson

from contracts.messages.http import SessionEnded, SessionStarted
from contracts.messages.session import SessionEndRequest, SessionStartRequest
from contracts.rules.errors import RequestRefused
from contracts.state.events import EventEntry
from contracts.state.sessions import SessionStep

__all__ = [
    "SOURCE",
    "Boundary",
    "answer_of",
    "check_consent",
    "ending",
    "session_id_for",
    "starting",
    "unknown_session",
]

SOURCE: Literal["session_manager"] = "session_manager"


def session_id_for(user_id: str, request_id: str) -> str:
    """The id of the session that a start request begins: ``sess_`` + 16 hex digits.

    It is a hash of the user and the request's own ``record_id``. So if a client repeats a start whose answer was lost,
    it gets the same session, and the broker needs no other key for that.
    """
    digest = hashlib.sha256(f"{user_id}\n{request_id.lower()}".encode()).hexdigest()
    return f"sess_{digest[:16]}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """The start or the end of a session, ready to be stored: the request's id, the answer, and the event."""

    request_id: str
    answer: bytes
    entry: EventEntry


def check_consent(request: SessionStartRequest, rule: Literal["optional", "required"]) -> None:
    """Refuse a session without consent, if the server requires it.

    Raises:
        RequestRefused: 400 ``consent_required``.
    """
    if rule == "required" and request.consent_given is not True:
        detail = "This server requires consent: ask the person, and send consent_given: true if the answer is yes."
        raise RequestRefused(400, "consent_required", detail)


def starting(request: SessionStartRequest, now: datetime, record_id: str, recorded_by: str | None = None) -> Boundary:
    """The start of a session at ``now``. ``record_id`` is the new one of the answer and of the event. ``recorded_by``
    names the client's entry in the access file, for the event alone."""
    session_id = session_id_for(request.user_id, request.record_id)
    made = {"record_id": record_id, "session_id": session_id, "start_time": now, "source": SOURCE}
    answer = SessionStarted.model_validate(request.model_dump(exclude_unset=True) | made)
    return _boundary(request, "session.start", answer, session_id, recorded_by)


def ending(request: SessionEndRequest, record_id: str, recorded_by: str | None = None) -> Boundary:
    """The end of a session. ``record_id`` and ``recorded_by`` as for `starting`."""
    made = {"record_id": record_id, "source": SOURCE}
    answer = SessionEnded.model_validate(request.model_dump(exclude_unset=True) | made)
    return _boundary(request, "session.end", answer, request.session_id, recorded_by)


def _boundary(
    request: SessionStartRequest | SessionEndRequest,
    event: str,
    answer: SessionStarted | SessionEnded,
    session_id: str,
    recorded_by: str | None,
) -> Boundary:
    fields = answer.model_dump(mode="json", exclude_unset=True)
    said = {**fields, "event": event} | ({"recorded_by": recorded_by} if recorded_by else {})
    return Boundary(
        request_id=request.record_id.lower(),
        answer=orjson.dumps(fields),
        entry=EventEntry(
            event=orjson.dumps(said),
            user_id=request.user_id,
            session_id=session_id,
            record_id=answer.record_id,
        ),
    )


def unknown_session() -> RequestRefused:
    """The refusal of a session_id that the broker does not know."""
    return RequestRefused(404, "unknown_session", "There is no session with this session_id.")


def answer_of(step: SessionStep) -> bytes:
    """The answer to a start or an end that the broker's script has processed; for a repeat, the first answer.

    Raises:
        RequestRefused: 404 ``unknown_session``, 400 ``wrong_user`` or ``session_closed``.
    """
    match step.word:
        case "new" | "again":
            return step.answer
        case "unknown":
            raise unknown_session()
        case "wrong_user":
            raise RequestRefused(400, "wrong_user", "The session belongs to another user.")
        case "closed":
            raise RequestRefused(400, "session_closed", "The session is already closed.")
        case _:
            assert_never(step.word)
