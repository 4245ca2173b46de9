"""The session manager's requests and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from contracts.messages.base import BaseMessage, StrictModel, Text
from contracts.messages.consent import ConsentStatement
from contracts.rules.ids import Identifier, SessionId, UtcDatetime

__all__ = [
    "SessionAnswer",
    "SessionEndRequest",
    "SessionStartRequest",
    "SessionStatus",
    "SessionValidateRequest",
]

SessionStatus = Literal["active", "closed", "invalid"]


class SessionStartRequest(BaseMessage):
    """``POST /session_manager/sessions.start``. ``performer_id`` may be ``"system"``."""

    performer_id: Identifier
    is_training_data: bool | None = None
    session_notes: Annotated[str, StringConstraints(strict=True, max_length=10_000)] | None = None
    training_intent_label: Text | None = None
    device_id: Identifier | None = None
    consent_given: bool | None = None
    consent: ConsentStatement | None = None
    is_demo: bool | None = None


class SessionEndRequest(BaseMessage):
    """``POST /session_manager/sessions.end``."""

    session_id: SessionId
    performer_id: Identifier
    end_time: UtcDatetime


class SessionValidateRequest(StrictModel):
    """``POST /session_manager/sessions.validate``."""

    user_id: Identifier
    session_id: SessionId


class SessionAnswer(StrictModel):
    """``POST /session_manager/sessions.validate`` answers this."""

    status: SessionStatus
