"""The messages of one capture, and the event times in them. No I/O; the clock is passed in."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from contracts.messages.capture import OpenAnnotation
from contracts.messages.public import CaptureClose, CaptureOpen, FrameMeta
from contracts.rules.ids import SCHEMA_VERSION
from scripts.client.errors import UsageError

__all__ = ["CameraClock", "When", "Window", "invalid_fields"]

When = datetime | timedelta
"""A moment with its time zone, or the time since the capture's start."""


class Window:
    """Builds the messages of one capture: ``open``, then `frame` for each frame, then `close`.

    Args:
        start: the event time of the capture's start.
        fields: the other fields of ``capture.open``, and ``intent``, ``study``, ``prompt`` and ``resend_of`` of
            its annotation.

    Raises:
        UsageError: an id, the rate or the size is not valid.
    """

    def __init__(self, start: datetime, fields: dict[str, Any]) -> None:
        self._start = self._last = _in_milliseconds(start)
        self.frames = 0
        said = {name: fields.pop(name, None) for name in ("intent", "study", "prompt", "resend_of")}
        if said["resend_of"] is not None and said["intent"] is None:
            said["intent"] = ""  # an annotation has an intent; an empty one is none
        try:
            self.open = CaptureOpen(
                schema_version=SCHEMA_VERSION,
                timestamp=self._start,
                event="capture.open",
                timestamp_start=self._start,
                encoding="jpeg",
                progress=True,
                annotation=OpenAnnotation.model_validate(said) if set(said.values()) != {None} else None,
                **fields,
            )
        except ValidationError as error:
            raise UsageError(invalid_fields(error)) from None

    @property
    def last(self) -> datetime:
        """The event time of the last frame; before the first one, the start."""
        return self._last

    def unsent(self) -> Window:
        """A window with the same open message, of which no frame was sent."""
        window = copy(self)
        window.frames, window._last = 0, self._start
        return window

    def check_frames(self) -> None:
        """Raise `UsageError` if there is no frame."""
        if not self.frames:
            raise UsageError("no frame was sent: there is nothing to record; the capture is given up")

    def frame(self, when: When | None, byte_length: int) -> FrameMeta:
        """Build the announcement of the next frame. If ``when`` is None, the n-th frame, counted from 0, is n / fps
        after the start.

        Raises:
            UsageError: the time is before the last frame's.
        """
        moment = self._moment(when, self._after(self.frames))
        self.frames, self._last = self.frames + 1, moment
        return FrameMeta(
            **self._base(moment),
            event="capture.frame_meta",
            seq=self.frames,
            timestamp_frame=moment,
            byte_length=byte_length,
        )

    def close(self, when: When | None) -> CaptureClose:
        """Build the close. If ``when`` is None, it is 1 / fps after the last frame.

        Raises:
            UsageError: the time is before the last frame's.
        """
        moment = self._moment(when, self._last - self._start + self._after(1))
        return CaptureClose(**self._base(moment), event="capture.close", timestamp_end=moment)

    def _after(self, frames: int) -> timedelta:
        return timedelta(milliseconds=round(1000 * frames / self.open.fps_target))

    def _moment(self, when: When | None, otherwise: timedelta) -> datetime:
        if isinstance(when, datetime):
            moment = _in_milliseconds(when)
        else:
            moment = _in_milliseconds(self._start + (otherwise if when is None else when))
        if moment < self._last:
            since = "the start; give the capture an earlier start=" if self.frames == 0 else "the frame before it"
            raise UsageError(f"the time {moment.isoformat()} is before {since}")
        return moment

    def _base(self, moment: datetime) -> dict[str, Any]:
        open_ = self.open
        return {
            "schema_version": SCHEMA_VERSION,
            "record_id": str(uuid4()),
            "user_id": open_.user_id,
            "session_id": open_.session_id,
            "timestamp": moment,
            "capture_id": open_.capture_id,
        }


class CameraClock:
    """Computes the event times of a camera's frames from a monotonic clock, whose readings are passed in.

    The first frame is at the capture's start, however long the capture waited for an extractor: the artifact has the
    times of the gesture, without the wait before it.
    """

    def __init__(self) -> None:
        self._first_s: float | None = None

    def offset(self, taken_s: float) -> timedelta:
        """Return the time since the start of the frame that was taken at ``taken_s``. Call it in the order of the
        frames."""
        self._first_s = taken_s if self._first_s is None else self._first_s
        return timedelta(seconds=max(0.0, taken_s - self._first_s))


def invalid_fields(error: ValidationError) -> str:
    """Name the invalid fields, each with the reason, in one line."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


def _in_milliseconds(moment: datetime) -> datetime:
    """Cut the moment to whole milliseconds: messages have no more digits."""
    if moment.tzinfo is None:
        raise UsageError("a time needs a time zone, for example datetime.now(UTC)")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
