"""Which pictures of a video a capture has, how large, and when: rules on numbers. No I/O, no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from contracts.errors import VideoError
from contracts.limits import CaptureLimits

__all__ = ["MAX_SOURCE_FPS", "MediaClock", "Thinning", "fitting_size", "too_long", "too_short"]

MAX_SOURCE_FPS = 240
"""Slow motion of a telephone. A video of more pictures a second is work without end for nobody's good."""


def fitting_size(width: int, height: int, limits: CaptureLimits) -> tuple[int, int]:
    """The largest size of the same shape, no larger than the image, that the limits allow."""
    scale = min(1.0, limits.max_long_side / max(width, height), limits.max_short_side / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


class Thinning:
    """Which frames of a faster source are kept: the first in each slot of ``1 / fps`` seconds.

    A frame may be a quarter slot early, for cameras' and containers' clocks are not exact, if it is still shown
    when its slot begins: each lasts ``period_s``.
    """

    def __init__(self, fps: int, period_s: Fraction) -> None:
        self._fps = fps
        self._period_s = period_s
        self._last_slot = -1

    def keeps(self, offset_s: Fraction) -> bool:
        """Whether the frame at ``offset_s`` is kept; they are asked for in order."""
        slot = math.floor(offset_s * self._fps + Fraction(1, 4))
        shown_until = (offset_s + self._period_s) * self._fps
        if slot <= self._last_slot or shown_until <= slot:
            return False
        self._last_slot = slot
        return True


@dataclass(slots=True)
class MediaClock:
    """A video's own time: `tick` is told each frame's, in the order in which they are shown.

    Attributes:
        fps_target: what the capture declares; no second has more frames, give or take one.
        end_ms: when the last frame so far has been shown.
    """

    limits: CaptureLimits
    fps_target: int
    period_s: Fraction
    thinning: Thinning
    end_ms: int = 0
    last_offset_ms: int = -1
    _start_s: Fraction | None = None
    _ticks: int = 0

    @classmethod
    def at(cls, rate: Fraction, limits: CaptureLimits) -> MediaClock:
        """The clock of a video of about ``rate`` frames a second."""
        fps_target = min(limits.max_fps, max(1, math.ceil(rate - Fraction(1, 100))))
        return cls(limits, fps_target, 1 / rate, Thinning(fps_target, 1 / rate))

    def tick(self, at_s: Fraction | None) -> int | None:
        """Milliseconds since the first frame for a frame that is kept, None for one that is not.

        Raises:
            VideoError: the video is too long, too fast, or has no times.
        """
        if at_s is None:
            raise VideoError("video_damaged", "its frames have no timestamps")
        self._start_s = at_s if self._start_s is None else self._start_s
        offset_s = at_s - self._start_s
        self.end_ms = max(self.end_ms, round((offset_s + self.period_s) * 1000))
        if self.end_ms > self.limits.max_duration_s * 1000:
            raise too_long(self.end_ms / 1000, self.limits)
        self._ticks += 1
        if self._ticks > MAX_SOURCE_FPS * (self.limits.max_duration_s + 1):
            raise VideoError("limit_fps_exceeded", f"over {MAX_SOURCE_FPS} frames a second")
        if not self.thinning.keeps(offset_s):
            return None
        self.last_offset_ms = max(self.last_offset_ms + 1, round(offset_s * 1000))
        return self.last_offset_ms

    def check_end(self) -> None:
        """The last frame has been told.

        Raises:
            VideoError: there was none, or the video is too short.
        """
        if self.last_offset_ms < 0:
            raise VideoError("no_frames", "there is no frame in it")
        self.end_ms = max(self.end_ms, self.last_offset_ms)
        if self.end_ms < self.limits.min_duration_s * 1000:
            raise too_short(self.end_ms / 1000, self.limits)


def too_long(duration_s: float, limits: CaptureLimits) -> VideoError:
    """The error for a video that lasts longer than a capture may."""
    sentence = f"over {duration_s:.0f} s long, a capture may last {limits.max_duration_s:g} s; cut it first"
    return VideoError("limit_duration_exceeded", sentence)


def too_short(shown_s: float, limits: CaptureLimits) -> VideoError:
    """The error for what is shown for less time than a capture lasts."""
    sentence = f"{shown_s:.1f} s long, a capture lasts {limits.min_duration_s:g} s at least"
    return VideoError("limit_duration_too_short", sentence)
