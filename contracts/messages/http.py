"""What the gateway answers over HTTP, one model for each answer; the gateway makes its answers from them.

They refuse unknown fields, as everything that we make does. A client that reads them should ignore what it does not
know: ``model_validate_json(body, extra="ignore")``.
"""

from __future__ import annotations

from typing import Literal

from contracts.messages.base import StrictModel
from contracts.messages.capture import CaptureStatus, Found
from contracts.messages.event import RawFeaturesRef
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
    """``GET /captures/{capture_id}``: how far a capture is, or what became of it.

    ``status`` is ``recorded`` once the line is in the session's log. ``found`` counts the frames so far in which a part
    was found. ``error_code`` is there if it was aborted: one of `contracts.rules.codes.AbortCode`, or the recorder's
    reason why the event can never be appended. The last three are absent, not null, while they are unknown.
    """

    capture_id: Identifier
    user_id: Identifier
    session_id: SessionId
    record_id: RecordId
    open: bool
    status: CaptureStatus
    accepted: int
    extracted: int
    found: Found
    error_code: str | None = None
    raw_features_ref: RawFeaturesRef | None = None
    recorded_at: UtcDatetime | None = None


class Appended(StrictModel):
    """``POST /schema-recorder/append``, 201: the line is in the file."""

    record_id: RecordId
    recorded_at: UtcDatetime


class Tick(StrictModel):
    """``POST /camera_feed_worker/capture.tick``, which enforces nothing: every capture socket ticks itself."""

    status: Literal["disabled"] = "disabled"
    active_captures: int


class ClientLimits(StrictModel):
    """``GET /camera_feed_worker/limits``: the limits of a capture at this gateway that a client has to keep.

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
        """Those of a gateway's limits that its clients are told."""
        return cls(**limits.model_dump(include=set(cls.model_fields)))


class Refusal(StrictModel):
    """Every HTTP request that is refused; ``detail`` is a sentence for people."""

    error: str
    detail: str
