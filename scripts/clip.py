"""Clips: where the frames of an ingested capture come from. Everything happens in memory; no frame is written anywhere.

A clip yields upright JPEGs that fit the capture limits, each with its time since the clip's start. It is lazy
and repeatable: the same source gives the same bytes and times each time it is read.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import simplejpeg

from contracts.errors import A3CPError
from contracts.limits import CaptureLimits

__all__ = ["Clip", "ClipError", "ClipFrame", "FolderSource", "VideoSource", "encode", "open_clip"]

QUALITIES = (90, 75, 60, 40, 20)
"""JPEG qualities, tried in turn until a frame is small enough."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

_MEDIA_ERRORS = (av.error.FFmpegError, OSError, ValueError)


class ClipError(A3CPError):
    """A file or folder cannot be a capture; the text is one line that says why."""


class ClipFrame(NamedTuple):
    """One upright JPEG, ``offset_ms`` after the clip's start."""

    offset_ms: int
    jpeg: bytes


class Clip(ABC):
    """A source of frames, all of one size.

    Attributes:
        name: what to call it when talking to people.
        width, height: of every frame, in pixels, upright.
        fps_target: what the capture declares; no second has more frames, give or take one.
        expected_frames: about how many frames will come.
    """

    name: str
    width: int
    height: int
    fps_target: int
    expected_frames: int

    @abstractmethod
    def frames(self) -> Iterator[ClipFrame]:
        """The frames in order, ``offset_ms`` from 0.

        Raises:
            ClipError: the clip turns out to be unreadable, too long or too short on the way.
        """

    def end_ms(self, last_offset_ms: int) -> int:
        """When the clip ends, once its frames have been read: the last one is shown for a frame's time too."""
        return last_offset_ms + round(1000 / self.fps_target)


def fitting_size(width: int, height: int, limits: CaptureLimits) -> tuple[int, int]:
    """The largest size of the same shape, no larger than the image, that the limits allow."""
    scale = min(1.0, limits.max_long_side / max(width, height), limits.max_short_side / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def encode(image: np.ndarray[Any, Any], limits: CaptureLimits) -> bytes:
    """An RGB image (height, width, 3) uint8 as a JPEG that is no larger than its share of a full capture."""
    share_bytes = min(limits.max_frame_bytes, limits.max_total_bytes // limits.max_frames)
    pixels = np.ascontiguousarray(image)
    for quality in QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling="420")
        if len(jpeg) <= share_bytes:
            break
    return jpeg


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


class VideoSource(Clip):
    """A video file: turned upright, at most the limits' size and rate, by the container's own timestamps.

    Raises:
        ClipError: it is not a video, has no frames, or says that it is longer than a capture may be.
    """

    def __init__(self, path: Path, limits: CaptureLimits) -> None:
        self.name = path.name
        self._path = path
        self._limits = limits
        with _opened(path) as container:
            stream = container.streams.video[0]
            first = next(_decoded(container, self.name), None)
            if first is None:
                raise ClipError(f"{self.name}: there is no frame in it")
            self.width, self.height = self._upright_size(first)
            rate = Fraction(stream.average_rate or stream.guessed_rate or limits.max_fps)
            duration_s = _duration_s(container, stream)
        if duration_s > limits.max_duration_s + 1:
            raise _too_long(self.name, duration_s, limits)
        self._period_s = 1 / rate
        self.fps_target = min(limits.max_fps, max(1, math.ceil(rate - Fraction(1, 100))))
        self.expected_frames = round(duration_s * min(float(rate), self.fps_target))
        self._end_ms = 0

    def _upright_size(self, frame: av.VideoFrame) -> tuple[int, int]:
        sideways = frame.rotation % 180 != 0
        return fitting_size(*((frame.height, frame.width) if sideways else (frame.width, frame.height)), self._limits)

    def _upright(self, frame: av.VideoFrame) -> np.ndarray[Any, Any]:
        turns = round(frame.rotation / 90) % 4
        width, height = (self.height, self.width) if turns % 2 else (self.width, self.height)
        # AREA averages what it shrinks; the result has the size of the first frame, whatever the stream does
        shrunk = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
        return np.rot90(shrunk.to_ndarray(), turns)

    def frames(self) -> Iterator[ClipFrame]:
        thinning = Thinning(self.fps_target, self._period_s)
        start_s: Fraction | None = None
        offset_ms = -1
        with _opened(self._path) as container:
            for frame in _decoded(container, self.name):
                at_s = _time_s(frame)
                if at_s is None:
                    raise ClipError(f"{self.name}: its frames have no timestamps")
                start_s = at_s if start_s is None else start_s
                self._end_ms = round((at_s - start_s + self._period_s) * 1000)
                if self._end_ms > self._limits.max_duration_s * 1000:
                    raise _too_long(self.name, self._end_ms / 1000, self._limits)
                if thinning.keeps(at_s - start_s):
                    offset_ms = max(offset_ms + 1, round((at_s - start_s) * 1000))
                    yield ClipFrame(offset_ms, encode(self._upright(frame), self._limits))
        _long_enough(self, offset_ms, self._limits)

    def end_ms(self, last_offset_ms: int) -> int:
        return max(self._end_ms, last_offset_ms)


class FolderSource(Clip):
    """A folder of images, in the order of their names, ``fps`` a second. A JPEG that fits goes as it is.

    Raises:
        ClipError: there is no image in it, or one cannot be read, or too many or too few for a capture.
    """

    def __init__(self, path: Path, limits: CaptureLimits, fps: int = 15) -> None:
        self.name = path.name
        self._limits = limits
        self._paths = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
        if not self._paths:
            raise ClipError(f"{self.name}: there is no image in it ({', '.join(sorted(IMAGE_SUFFIXES))})")
        if fps > limits.max_fps:
            raise ClipError(f"{self.name}: {fps} frames a second, {limits.max_fps} are allowed")
        self.fps_target = fps
        self.expected_frames = len(self._paths)
        if self.end_ms(self._offset_ms(len(self._paths) - 1)) > limits.max_duration_s * 1000:
            raise _too_long(self.name, len(self._paths) / fps, limits)
        _long_enough(self, self._offset_ms(len(self._paths) - 1), limits)
        _, self.width, self.height = self._read(self._paths[0])

    def _offset_ms(self, index: int) -> int:
        return round(Fraction(1000 * index, self.fps_target))

    def end_ms(self, last_offset_ms: int) -> int:
        return self._offset_ms(len(self._paths))

    def frames(self) -> Iterator[ClipFrame]:
        for index, path in enumerate(self._paths):
            jpeg, width, height = self._read(path)
            if (width, height) != (self.width, self.height):
                raise ClipError(f"{path.name}: {width}x{height}, but the first image is {self.width}x{self.height}")
            yield ClipFrame(self._offset_ms(index), jpeg)

    def _read(self, path: Path) -> tuple[bytes, int, int]:
        try:
            data = path.read_bytes()
            if simplejpeg.is_jpeg(data):
                height, width, _, _ = simplejpeg.decode_jpeg_header(data)
                if self._limits.fits(width, height) and len(data) <= self._limits.max_frame_bytes:
                    return data, width, height
            with av.open(path) as image:
                frame = next(image.decode(video=0))
        except (*_MEDIA_ERRORS, StopIteration, IndexError):
            raise ClipError(f"{path.name}: not an image that can be read") from None
        width, height = fitting_size(frame.width, frame.height, self._limits)
        shrunk = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
        return encode(shrunk.to_ndarray(), self._limits), width, height


def open_clip(path: Path, limits: CaptureLimits, fps: int = 15) -> Clip:
    """The clip in a video file or a folder of images; ``fps`` is a folder's.

    Raises:
        ClipError: it is neither, or cannot be a capture.
    """
    if not path.exists():
        raise ClipError(f"{path}: there is no such file or folder")
    return FolderSource(path, limits, fps) if path.is_dir() else VideoSource(path, limits)


def _opened(path: Path) -> Any:
    try:
        container = av.open(path)
    except _MEDIA_ERRORS:
        raise ClipError(f"{path.name}: not a video that can be read") from None
    if not container.streams.video:
        container.close()
        raise ClipError(f"{path.name}: there is no picture in it, only sound or data")
    return container


def _decoded(container: Any, name: str) -> Iterator[av.VideoFrame]:
    try:
        yield from container.decode(video=0)
    except _MEDIA_ERRORS:
        raise ClipError(f"{name}: the video is damaged") from None


def _time_s(frame: av.VideoFrame) -> Fraction | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return frame.pts * Fraction(frame.time_base)


def _duration_s(container: Any, stream: Any) -> float:
    """What the container says; 0 if it says nothing."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration is not None else 0.0


def _too_long(name: str, duration_s: float, limits: CaptureLimits) -> ClipError:
    return ClipError(
        f"{name}: over {duration_s:.0f} s long, a capture may last {limits.max_duration_s:g} s; cut it first"
    )


def _long_enough(clip: Clip, last_offset_ms: int, limits: CaptureLimits) -> None:
    if clip.end_ms(last_offset_ms) < limits.min_duration_s * 1000:
        shown_s = max(0, clip.end_ms(last_offset_ms)) / 1000
        raise ClipError(f"{clip.name}: {shown_s:.1f} s long, a capture lasts {limits.min_duration_s:g} s at least")
