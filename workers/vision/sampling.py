"""Rules that choose the pictures of a video for a capture, and their times. No I/O, no pixels."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits

__all__ = ["MAX_SOURCE_FPS", "MediaClock", "Downsampling", "Timeline", "ends_early", "too_long", "too_short"]

MAX_SOURCE_FPS = 240
"""Slow motion of a telephone. A video of more pictures a second costs endless work and shows no more."""

ROUNDING_S = Fraction(1, 500)
"""Matroska counts milliseconds, QuickTime often the 600th of a second: a time is that of its frame but for this."""

MAX_BURST = 2
"""Cameras' clocks are not exact: a source of just the allowed rate is at times a frame or two ahead of it."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the frames of a video are shown, by their own times: the rate that a header names may be an average over a
    still part, or the resolution of the clock ("1000 a second" of browsers' WebM).

    Attributes:
        offsets_s: of the frames in order, seconds since the first; no two are the same.
        end_s: when the last one has been shown.
        period_s: how long an ordinary frame is shown.
        fps_target: what the capture declares; no second has more frames, give or take one.
        keeps_all: there are never more of them than the limits allow.
    """

    offsets_s: Sequence[Fraction]
    end_s: Fraction
    period_s: Fraction
    fps_target: int
    keeps_all: bool

    @classmethod
    def of(
        cls,
        offsets_s: Iterable[Fraction],
        limits: CaptureLimits,
        *,
        header_rate: Fraction | None = None,
        last_shown_s: Fraction = Fraction(0),
    ) -> Timeline:
        """Frames at ``offsets_s``, in any order, of which the last is shown for ``last_shown_s``: for an ordinary
        frame's time if that is 0. ``header_rate`` is believed if the times agree with it."""
        ordered = sorted(set(offsets_s))
        usual_s = _usual_interval(ordered)
        if header_rate and (not usual_s or abs(usual_s * header_rate - 1) < Fraction(1, 100)):
            named_fps, period_s = max(1, math.ceil(header_rate - Fraction(1, 100))), 1 / header_rate
        else:
            named_fps, period_s = 0, usual_s or Fraction(1, limits.max_fps)
        rounded = not last_shown_s or abs(last_shown_s - period_s) <= ROUNDING_S
        end_s = (ordered[-1] if ordered else 0) + (period_s if rounded else last_shown_s)
        keeps_all = _is_within(ordered, limits.max_fps)
        fps_target = limits.max_fps
        if keeps_all:
            trusted = named_fps > 0 and _is_within(ordered, named_fps)
            fps_target = min(limits.max_fps, named_fps if trusted else max(1, _most_in_a_second(ordered)))
        return cls(ordered, end_s, period_s, fps_target, keeps_all)

    @property
    def expected_frames(self) -> int:
        """About how many frames the capture will have."""
        every = len(self.offsets_s)
        return every if self.keeps_all else min(every, round(self.end_s * self.fps_target))

    def shown_s(self, offset_s: Fraction) -> Fraction:
        """How long the frame at ``offset_s`` is shown: until the next one."""
        following = bisect_right(self.offsets_s, offset_s)
        until_s = self.offsets_s[following] if following < len(self.offsets_s) else self.end_s
        shown_s = max(Fraction(0), until_s - offset_s)
        return self.period_s if abs(shown_s - self.period_s) <= ROUNDING_S else shown_s


def _usual_interval(ordered: Sequence[Fraction]) -> Fraction:
    """The mean of the intervals that are the middle one but for rounding; 0 if there is none."""
    intervals = sorted(after - before for before, after in itertools.pairwise(ordered))
    if not intervals:
        return Fraction(0)
    middle = intervals[len(intervals) // 2]
    alike = [interval for interval in intervals if abs(interval - middle) <= ROUNDING_S]
    return Fraction(sum(alike), len(alike))


def _most_in_a_second(ordered: Sequence[Fraction]) -> int:
    """The number of frames in the liveliest second."""
    most = first = 0
    for index, at_s in enumerate(ordered):
        while at_s - ordered[first] >= 1 - ROUNDING_S:
            first += 1
        most = max(most, index + 1 - first)
    return most


def _is_within(ordered: Sequence[Fraction], fps: int) -> bool:
    """Whether no stretch of the frames has `MAX_BURST` more than its time is worth at ``fps`` a second."""
    lowest = Fraction(0)
    for index, at_s in enumerate(ordered):
        ahead = index - fps * at_s
        lowest = min(lowest, ahead)
        if ahead - lowest + 1 > min(MAX_BURST, fps):
            return False
    return True


class Downsampling:
    """Which frames of a faster source are kept: the first in each slot of ``1 / fps`` seconds.

    A frame may be a quarter slot early, for cameras' and containers' clocks are not exact, if it is still shown
    when its slot begins. One that is shown for a whole slot or longer is kept in any case, in place of the next.
    """

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._last_slot = -1

    def keeps(self, offset_s: Fraction, shown_s: Fraction) -> bool:
        """Whether the frame at ``offset_s``, shown for ``shown_s``, is kept; they are asked for in order."""
        slot = math.floor(offset_s * self._fps + Fraction(1, 4))
        if slot > self._last_slot and (offset_s + shown_s) * self._fps > slot:
            self._last_slot = slot
            return True
        if shown_s * self._fps < 1 or slot < self._last_slot:
            return False
        self._last_slot = slot + 1
        return True


@dataclass(slots=True)
class MediaClock:
    """A video's own time: `tick` is told each frame's, in the order in which they are shown.

    Attributes:
        end_ms: when the last frame so far has been shown.
    """

    limits: CaptureLimits
    timeline: Timeline
    end_ms: int = 0
    last_offset_ms: int = -1
    _downsampling: Downsampling = field(init=False)
    _start_s: Fraction | None = None
    _furthest_s: Fraction = Fraction(-1)
    _ticks: int = 0
    _back: int = 0

    def __post_init__(self) -> None:
        self._downsampling = Downsampling(self.limits.max_fps)

    def tick(self, at_s: Fraction | None) -> int | None:
        """Milliseconds since the first frame for a frame that is kept, None for one that is not.

        Raises:
            VideoError: the video is too long, too fast, or has no times.
        """
        if at_s is None:
            raise VideoError("video_damaged", "its frames have no timestamps")
        self._start_s = at_s if self._start_s is None else self._start_s
        offset_s = at_s - self._start_s
        shown_s = self.timeline.shown_s(offset_s)
        self.end_ms = max(self.end_ms, round((offset_s + shown_s) * 1000))
        if self.end_ms > self.limits.max_duration_s * 1000:
            raise too_long(self.end_ms / 1000, self.limits)
        self._ticks += 1
        if self._ticks > MAX_SOURCE_FPS * (self.limits.max_duration_s + 1):
            raise VideoError("limit_fps_exceeded", f"over {MAX_SOURCE_FPS} frames a second")
        self._back += offset_s < self._furthest_s
        if offset_s <= self._furthest_s:
            return None
        self._furthest_s = offset_s
        if not self.timeline.keeps_all and not self._downsampling.keeps(offset_s, shown_s):
            return None
        self.last_offset_ms = max(self.last_offset_ms + 1, round(offset_s * 1000))
        return self.last_offset_ms

    def check_end(self) -> None:
        """End the video after its last frame.

        Raises:
            VideoError: there was none, the video is too short, or a tenth of it runs back in time.
        """
        if self.last_offset_ms < 0:
            raise VideoError("no_frames", "there is no frame in it")
        self.end_ms = max(self.end_ms, self.last_offset_ms)
        if self.end_ms < self.limits.min_duration_s * 1000:
            raise too_short(self.end_ms / 1000, self.limits)
        if self._back * 10 > self._ticks:
            raise VideoError("video_damaged", "its times run back, as those of two videos joined by their bytes do")


def too_long(duration_s: float, limits: CaptureLimits) -> VideoError:
    """The error for a video that lasts longer than a capture may."""
    sentence = f"over {duration_s:.0f} s long, a capture may last {limits.max_duration_s:g} s; cut it first"
    return VideoError("limit_duration_exceeded", sentence)


def too_short(shown_s: float, limits: CaptureLimits) -> VideoError:
    """The error for what is shown for less time than a capture lasts."""
    sentence = f"{shown_s:.1f} s long, a capture lasts {limits.min_duration_s:g} s at least"
    return VideoError("limit_duration_too_short", sentence)


def ends_early(found_s: float, promised_s: float) -> bool:
    """Whether a video lacks over a second of what it says it has, and over a tenth of it."""
    return found_s < promised_s - max(1.0, 0.1 * promised_s)
