"""The gateway's HTTP answers, one model each. The gateway builds its answers from them.

The models refuse unknown fields. A client should ignore fields that it does not know:
``model_validate_json(body, extra="ignore")``.
"""

from __future__ import annotations

from typing import Literal

from contracts.messages.base import StrictModel
from contracts.messages.capture import CaptureStatus, Found
from contracts.messages.event import RawFeaturesRef
from contracts.messages.library import CaptureState
from contracts.messages.quality import Quality
from contracts.messages.session import SessionAnswer, SessionEndRequest, SessionStartRequest
from contracts.rules.ids import Identifier, RecordId, SessionId, UtcDatetime
from contracts.rules.limits import CaptureLimits

__all__ = [
    "Appended",
    "CaptureReport",
    "ClientLimits",
    "Refusal",
    "SessionAnswer",
    "SessionEnded",
    "SessionStarted",
    "Tick",
]


class SessionStarted(SessionStartRequest):
    """``POST /session_manager/sessions.start``: the request echoed, its ``record_id`` replaced by a new one.

    A field that the request left out is left out here too.
    """

    session_id: SessionId
    source: Literal["session_manager"]
    start_time: UtcDatetime


class SessionEnded(SessionEndRequest):
    """``POST /session_manager/sessions.end``: the request echoed, its ``record_id`` replaced by a new one."""

    source: Literal["session_manager"]


class CaptureReport(StrictModel):
    """``GET /captures/{capture_id}``: the progress or the outcome of a capture.

    ``status`` is ``recorded`` once the line is in the session's log. ``found`` counts the frames so far in which a part
    was found. ``error_code`` is present if it was aborted: one of `contracts.rules.codes.AbortCode`, or a
    `DeadLetterCode` of the recorder. ``state`` is present if it is recorded. After a withdrawal and after an
    erasure there is no ``raw_features_ref``. Optional fields are absent, not null, while they are unknown; of captures
    of extractors older than version 0.3 there is no ``quality``, and after 7 days no ``found``.
    """

    capture_id: Identifier
    user_id: Identifier
    session_id: SessionId
    record_id: RecordId
    open: bool
    status: CaptureStatus
    accepted: int
    extracted: int
    found: Found | None = None
    error_code: str | None = None
    raw_features_ref: RawFeaturesRef | None = None
    recorded_at: UtcDatetime | None = None
    quality: Quality | None = None
    state: CaptureState | None = None


class Appended(StrictModel):
    """``POST /schema-recorder/append``, 201: the line is in the file."""

    record_id: RecordId
    recorded_at: UtcDatetime


class Tick(StrictModel):
    """``POST /camera_feed_worker/capture.tick``: no effect, every capture socket checks its own time limits."""

    status: Literal["disabled"] = "disabled"
    active_captures: int


class ClientLimits(StrictModel):
    """``GET /camera_feed_worker/limits``: this gateway's limits for a capture, as far as a client has to keep them.

    Durations are seconds, sizes are bytes, sides are pixels; each is a field of `contracts.rules.limits.CaptureLimits`.
    """

    max_duration_s: float
    min_duration_s: float
    max_fps: int
    max_long_side: int
    max_short_side: int
    max_frames: int
    max_frame_bytes: int
    max_total_bytes: int
    max_wait_s: float
    idle_timeout_s: float

    @classmethod
    def of(cls, limits: CaptureLimits) -> ClientLimits:
        """Select the limits that clients need from all limits of a gateway."""
        return cls(**limits.model_dump(include=set(cls.model_fields)))


class Refusal(StrictModel):
    """The answer to a refused HTTP request. ``detail`` is a sentence for people."""

    error: str
    detail: str
