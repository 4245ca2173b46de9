"""The rules of sessions: ids, answers, events, refusals. No I/O; the clock and new ids are passed in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

import orjson

from contracts import SessionEndRequest, SessionStartRequest
from contracts.messages.http import SessionEnded, SessionStarted
from contracts.rules.errors import RequestRefused
from contracts.state.events import EventEntry
from contracts.state.sessions import SessionStep

__all__ = ["SOURCE", "Boundary", "ending", "session_id_for", "standing", "starting"]

SOURCE: Literal["session_manager"] = "session_manager"


def session_id_for(user_id: str, request_id: str) -> str:
    """The session that a start request begins: ``sess_`` + 16 hex digits.

    It follows from the user and the request's own ``record_id``, so a start that is repeated, because its
    answer was lost, is the same session without any other key.
    """
    digest = hashlib.sha256(f"{user_id}\n{request_id.lower()}".encode()).hexdigest()
    return f"sess_{digest[:16]}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One end of a session, ready to be stored: the answer, its event, and the request they are for."""

    request_id: str
    answer: bytes
    entry: EventEntry


def starting(request: SessionStartRequest, now: datetime, record_id: str) -> Boundary:
    """The start of a session at ``now``; ``record_id`` is the new one that its answer and event carry."""
    session_id = session_id_for(request.user_id, request.record_id)
    made = {"record_id": record_id, "session_id": session_id, "start_time": now, "source": SOURCE}
    answer = SessionStarted.model_validate(request.model_dump(exclude_unset=True) | made)
    return _boundary(request, "session.start", answer, session_id)


def ending(request: SessionEndRequest, record_id: str) -> Boundary:
    """The end of a session; ``record_id`` is the new one that its answer and event carry."""
    made = {"record_id": record_id, "source": SOURCE}
    answer = SessionEnded.model_validate(request.model_dump(exclude_unset=True) | made)
    return _boundary(request, "session.end", answer, request.session_id)


def _boundary(
    request: SessionStartRequest | SessionEndRequest, event: str, answer: SessionStarted | SessionEnded, session_id: str
) -> Boundary:
    fields = answer.model_dump(mode="json", exclude_unset=True)
    return Boundary(
        request_id=request.record_id.lower(),
        answer=orjson.dumps(fields),
        entry=EventEntry(
            event=orjson.dumps({**fields, "event": event}),
            user_id=request.user_id,
            session_id=session_id,
            record_id=answer.record_id,
        ),
    )


def standing(step: SessionStep) -> bytes:
    """The answer that stands after a start or an end.

    Raises:
        RequestRefused: there is none; 404 ``unknown_session``, 400 ``wrong_user`` or ``session_closed``.
    """
    match step.word:
        case "new" | "again":
            return step.answer
        case "unknown":
            raise RequestRefused(404, "unknown_session", "There is no session with this session_id.")
        case "wrong_user":
            raise RequestRefused(400, "wrong_user", "The session is another user's.")
        case "closed":
            raise RequestRefused(400, "session_closed", "The session is closed already.")
        case _:
            assert_never(step.word)
