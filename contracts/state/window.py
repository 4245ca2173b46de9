"""The parameters of a capture, which its gateway writes into the capture's state for its extractor. No I/O."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.broker.keys import CAPTURES, UPLOADS
from contracts.messages.base import StrictModel
from contracts.messages.capture import Annotation, CaptureOpen
from contracts.messages.consent import ConsentStatement
from contracts.rules.ids import MOST, Identifier, RecordId, SessionId, UtcDatetime
from contracts.rules.limits import CaptureLimits
from contracts.state.video import StoredVideo, VideoSlot

__all__ = ["CaptureWindow", "read_window", "window_texts"]


class CaptureWindow(StrictModel):
    """The parameters of a capture, for its extractor: a field of its state, as JSON (`window_texts`).

    With a ``video`` the frames come from that video. Then ``fps_target``, ``width`` and ``height`` are upper limits
    until an extractor has read the video; its longer side may have ``width`` pixels. ``recorded_by`` names the client's
    entry in the access file; None without such a file.
    """

    capture_id: Identifier
    user_id: Identifier
    session_id: SessionId
    record_id: RecordId
    timestamp_start: UtcDatetime
    fps_target: Annotated[int, Field(ge=1, le=MOST)]
    width: Annotated[int, Field(ge=1, le=MOST)]
    height: Annotated[int, Field(ge=1, le=MOST)]
    max_duration_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    annotation: Annotation | None = None
    device_id: Identifier | None = None
    consent_given: bool | None = None
    consent: ConsentStatement | None = None
    is_demo: bool | None = None
    video: StoredVideo | None = None
    recorded_by: Identifier | None = None

    @property
    def queue(self) -> str:
        """The stream on which this capture is dispatched."""
        return UPLOADS if self.video else CAPTURES

    @property
    def slot(self) -> VideoSlot | None:
        """The slot of its video; None if the frames come from a camera."""
        return VideoSlot(self.video.upload_id, self.video.byte_length, self.user_id) if self.video else None

    @classmethod
    def of(cls, message: CaptureOpen, limits: CaptureLimits, recorded_by: str | None = None) -> CaptureWindow:
        """The window that ``capture.open`` names."""
        return cls(
            capture_id=message.capture_id,
            user_id=message.user_id,
            session_id=message.session_id,
            record_id=message.record_id,
            timestamp_start=message.timestamp_start,
            fps_target=message.fps_target,
            width=message.width,
            height=message.height,
            max_duration_s=limits.max_duration_s,
            annotation=message.annotation,
            device_id=message.device_id,
            consent_given=message.consent_given,
            consent=message.consent,
            is_demo=message.is_demo,
            recorded_by=recorded_by,
        )


def window_texts(window: CaptureWindow) -> tuple[str, str]:
    """A window as the fields ``open`` and ``window``. The first has what format 1 knows, because its readers refuse a
    window with more; the second has all, and is empty if that is no more than the first."""
    first = window.model_copy(
        update={
            "annotation": window.annotation and Annotation(intent=window.annotation.intent),
            "consent": None,
            "recorded_by": None,
        }
    ).model_dump_json(exclude_none=True)
    whole = window.model_dump_json(exclude_none=True)
    return first, "" if whole == first else whole


def read_window(opened: bytes, window: bytes | None) -> CaptureWindow:
    """Read the fields that `window_texts` made. Raises ``ValueError`` if they are not a window."""
    return CaptureWindow.model_validate_json(window or opened)
