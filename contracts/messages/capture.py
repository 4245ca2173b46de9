"""The messages of ``WS /camera_feed_worker/capture``, one discriminated union on ``event``.

No message holds image bytes: a frame is the binary WebSocket message after its ``capture.frame_meta``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

from contracts.messages.base import BaseMessage, StrictModel
from contracts.messages.consent import ConsentStatement
from contracts.rules.codes import AbortCode
from contracts.rules.ids import Identifier, SessionId, UtcDatetime

__all__ = [
    "Annotation",
    "CaptureAbort",
    "CaptureClose",
    "CaptureMessage",
    "CaptureOpen",
    "CaptureProgress",
    "CaptureStatus",
    "FrameMeta",
    "Found",
    "OpenAnnotation",
    "parse_capture_message",
]

PositiveInt = Annotated[int, Field(ge=1, le=2**53 - 1)]

CaptureStatus = Literal["waiting", "extracting", "recorded", "aborted"]


class Annotation(StrictModel):
    """The label that the person who records the capture gives it; in a study, also the ids of the study and of the
    prompt that the person was shown. ``resend_of`` is the ``capture_id`` of the first attempt, if a client sends a take
    again after it lost the connection; the ``intent`` may then be empty. A later version may add fields; readers keep
    them."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    intent: Annotated[str, StringConstraints(strict=True, max_length=256)]
    study: Identifier | None = None
    prompt: Identifier | None = None
    resend_of: Identifier | None = None


class OpenAnnotation(Annotation):
    """The annotation of a ``capture.open``: a client may send no field that this version does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Control(BaseMessage):
    session_id: SessionId
    capture_id: Identifier


class CaptureOpen(_Control):
    """Opens the one capture of a connection. Its ``record_id`` identifies the capture window."""

    event: Literal["capture.open"]
    timestamp_start: UtcDatetime
    fps_target: PositiveInt
    width: PositiveInt
    height: PositiveInt
    encoding: Literal["jpeg"]
    annotation: OpenAnnotation | None = None
    progress: bool = False
    device_id: Identifier | None = None
    consent_given: bool | None = None
    consent: ConsentStatement | None = None
    is_demo: bool | None = None


class FrameMeta(_Control):
    """Announces one frame; the next message is the JPEG itself, ``byte_length`` bytes long."""

    event: Literal["capture.frame_meta"]
    seq: Annotated[int, Field(ge=-(2**53), le=2**53)]
    timestamp_frame: UtcDatetime
    byte_length: PositiveInt


class CaptureClose(_Control):
    """Ends the capture: all frames were sent."""

    event: Literal["capture.close"]
    timestamp_end: UtcDatetime


CaptureMessage = Annotated[CaptureOpen | FrameMeta | CaptureClose, Field(discriminator="event")]

_adapter: TypeAdapter[CaptureOpen | FrameMeta | CaptureClose] = TypeAdapter(CaptureMessage)


def parse_capture_message(document: Any) -> CaptureOpen | FrameMeta | CaptureClose:
    """Validate a decoded JSON document as a client's control message.

    Raises:
        pydantic.ValidationError: it breaks the schema, or its ``event`` is unknown.
    """
    return _adapter.validate_python(document)


class CaptureAbort(_Control):
    """Tells the client that its capture ended without an artifact, and why.

    ``record_id`` is that of the ``capture.open``.
    """

    event: Literal["capture.abort"] = "capture.abort"
    source: Literal["camera_feed_worker"] = "camera_feed_worker"
    error_code: AbortCode


class Found(StrictModel):
    """In how many frames each part was found so far."""

    pose: int = 0
    left_hand: int = 0
    right_hand: int = 0
    face: int = 0


class CaptureProgress(StrictModel):
    """The progress of a capture, for a client whose ``capture.open`` asked for it: 1 to 5 messages a second.

    ``backlog`` is the number of frames in the broker that wait for extraction; ``slow_down`` is
    true while that is over half of what the stream may hold.
    """

    event: Literal["capture.progress"] = "capture.progress"
    capture_id: Identifier
    status: Literal["waiting", "extracting"]
    accepted: int
    extracted: int
    backlog: int
    slow_down: bool
    found: Found
