"""The limits of one capture, and the arithmetic on them. No I/O."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["INGEST_GRACE_S", "LIVE_MAX_SIDE", "CaptureLimits"]

INGEST_GRACE_S = 5.0
"""How much longer than ``max_duration_s`` a capture may take to arrive."""

LIVE_MAX_SIDE = 4096
"""The longest side of an image of the real-time lane, in pixels. A few kilobytes can unpack to gigabytes; an image
within this limit unpacks to 48 MiB at most. The limit is a side, not an area, because MediaPipe's OpenCV aborts the
process on a side of 32,767 pixels or more (opencv/opencv#7544)."""

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**40)]
Side = Annotated[int, Field(ge=1, le=32_766)]
"""Pixels. MediaPipe's OpenCV aborts the process on longer sides, see `LIVE_MAX_SIDE`."""


class CaptureLimits(BaseModel):
    """Server-defined limits, fixed at open; each is the setting ``A3CP_CAPTURE_<NAME>``.

    Durations are seconds, sizes are bytes, sides are pixels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_duration_s: Seconds = 120
    min_duration_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 2
    max_fps: Annotated[int, Field(ge=1, le=1000)] = 15
    max_long_side: Side = 640
    max_short_side: Side = 480
    max_frames: Count = 0  # 0: duration × fps + one second's worth, set below
    max_frame_bytes: Count = 300_000
    max_total_bytes: Count = 135_000_000
    max_forward_buffer_frames: Count = 3
    max_forward_buffer_bytes: Count = 1_000_000
    stream_max_frames: Count = 150
    stream_max_bytes: Count = 8_000_000
    max_wait_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 60
    meta_timeout_s: Seconds = 2
    idle_timeout_s: Seconds = 5
    open_timeout_s: Seconds = 10
    recheck_s: Seconds = 5
    max_captures: Count = 256
    max_captures_per_user: Count = 4

    @model_validator(mode="before")
    @classmethod
    def _derive_max_frames(cls, values: object) -> object:
        if isinstance(values, dict) and "max_frames" not in values:
            try:
                duration = float(values.get("max_duration_s", 120))
                fps = int(values.get("max_fps", 15))
                return {**values, "max_frames": max(1, int((duration + 1) * fps))}
            except (TypeError, ValueError, OverflowError):
                return {**values, "max_frames": 1}  # pydantic then reports the field that cannot be read
        return values

    @model_validator(mode="after")
    def _limits_in_order(self) -> CaptureLimits:
        if self.min_duration_s > self.max_duration_s:
            raise ValueError("A3CP_CAPTURE_MIN_DURATION_S is above A3CP_CAPTURE_MAX_DURATION_S")
        if self.max_short_side > self.max_long_side:
            raise ValueError("A3CP_CAPTURE_MAX_SHORT_SIDE is above A3CP_CAPTURE_MAX_LONG_SIDE")
        return self

    def fits(self, width: int, height: int) -> bool:
        """Whether an image of this size is allowed, in either orientation."""
        return max(width, height) <= self.max_long_side and min(width, height) <= self.max_short_side

    def frames_allowed(self, fps_target: int, elapsed: timedelta) -> int:
        """The most frames that a client may have sent ``elapsed`` event time after the start: the frames of that time
        and of one more second."""
        return int(fps_target * elapsed.total_seconds() + 1e-6) + fps_target  # 1e-6: 100 × 0.29 is 28.999…
