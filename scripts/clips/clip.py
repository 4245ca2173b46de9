"""Clips: the sources of frames for `a3cp ingest`. They work in memory, and write no frame to a disk.

A clip yields upright JPEGs within the capture limits, each with its time since the clip's start. It decodes a frame
when the frame is needed, and gives the same bytes and times each time it is read.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg

from contracts.rules.errors import A3CPError, VideoError
from contracts.rules.limits import CaptureLimits
from scripts.clips.images import IMAGE_SUFFIXES, ImageError, in_order, left_out, read_image
from workers.vision.sampling import MAX_SOURCE_FPS, MediaClock, Timeline, too_long, too_short
from workers.vision.video import Video

__all__ = ["IMAGE_SUFFIXES", "Clip", "ClipError", "ClipFrame", "FolderSource", "VideoSource", "encode", "open_clip"]

QUALITIES = (90, 75, 60, 40, 20)
"""JPEG qualities: `encode` tries one after the other until the frame is small enough."""


class ClipError(A3CPError):
    """The file or folder cannot be a capture; the text is one line that says why."""


class ClipFrame(NamedTuple):
    """One upright JPEG, ``offset_ms`` after the clip's start."""

    offset_ms: int
    jpeg: bytes


class Clip(ABC):
    """A source of frames, all of one size.

    Attributes:
        name: the file's or folder's name, for the operator.
        width, height: the size of every upright frame, in pixels.
        fps_target: the rate that the capture declares; no second has more frames, plus or minus one.
        expected_frames: about how many frames the clip has; 0 if that is unknown.
    """

    name: str
    width: int
    height: int
    fps_target: int
    expected_frames: int

    @abstractmethod
    def frames(self) -> Iterator[ClipFrame]:
        """Yield the frames in order; the first ``offset_ms`` is 0.

        Raises:
            ClipError: a later part of the clip is unreadable, or makes it too long or too short.
        """

    def end_ms(self, last_offset_ms: int) -> int:
        """The clip's end in milliseconds, once all frames are read: one frame's time after the last frame."""
        return last_offset_ms + round(1000 / self.fps_target)


def encode(image: np.ndarray[Any, Any], limits: CaptureLimits) -> bytes:
    """Encode an RGB image (height, width, 3) uint8 as a JPEG. It is small enough that a capture with the most frames
    stays within the limit of bytes, if the lowest quality allows that."""
    share_bytes = min(limits.max_frame_bytes, limits.max_total_bytes // limits.max_frames)
    pixels = np.ascontiguousarray(image)
    for quality in QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling="420")
        if len(jpeg) <= share_bytes:
            break
    return jpeg


class VideoSource(Clip):
    """A video file: turned upright, reduced to the limits' size and rate, with the container's own timestamps.

    Raises:
        ClipError: it is not a video, has no frames, or its header says that it is longer than a capture may be.
    """

    def __init__(self, path: Path, limits: CaptureLimits) -> None:
        self.name = path.name
        self._limits = limits
        with _clip_errors(self.name):
            self._video = Video(path, limits)
        self.width, self.height = self._video.width, self._video.height
        self.fps_target = self._video.fps_target
        self.expected_frames = self._video.expected_frames

    def frames(self) -> Iterator[ClipFrame]:
        with _clip_errors(self.name):
            for picture in self._video.pictures():
                yield ClipFrame(picture.offset_ms, encode(picture.image(), self._limits))

    def end_ms(self, last_offset_ms: int) -> int:
        return max(self._video.end_ms, last_offset_ms)


class FolderSource(Clip):
    """A folder of images in the order of the numbers in their names, ``fps`` of them a second. If that is more than the
    limits allow, some are left out, as for a video. An upright JPEG within the limits is sent unchanged.

    Raises:
        ClipError: the folder has no image, too many, too few, or one that cannot be read.
    """

    def __init__(self, path: Path, limits: CaptureLimits, fps: int = 15) -> None:
        self.name = path.name
        self._limits = limits
        self._fps = fps
        there = list(path.iterdir())
        self._paths = in_order(there)
        self._check(left_out(there))
        offsets_s = [Fraction(index, fps) for index in range(len(self._paths))]
        self._timeline = Timeline.of(offsets_s, limits, header_rate=Fraction(fps))
        self.fps_target = self._timeline.fps_target
        self.expected_frames = self._timeline.expected_frames
        _, self.width, self.height = self._read(self._paths[0])

    def _check(self, others: list[Path]) -> None:
        if others:
            kinds = ", ".join(sorted({other.suffix.lower() for other in others}))
            raise ClipError(
                f"{self.name}: {len(others)} of its images cannot be read ({kinds}): convert or remove them"
            )
        if not self._paths:
            raise ClipError(f"{self.name}: there is no image in it ({', '.join(sorted(IMAGE_SUFFIXES))})")
        if not 1 <= self._fps <= MAX_SOURCE_FPS:
            raise ClipError(f"{self.name}: {self._fps} frames a second, 1 to {MAX_SOURCE_FPS} are allowed")
        if self.end_ms(0) > self._limits.max_duration_s * 1000:
            raise ClipError(f"{self.name}: {too_long(len(self._paths) / self._fps, self._limits).detail}")
        if (shown_s := self.end_ms(0) / 1000) < self._limits.min_duration_s:
            raise ClipError(f"{self.name}: {too_short(shown_s, self._limits).detail}")

    def end_ms(self, last_offset_ms: int) -> int:
        return round(Fraction(1000 * len(self._paths), self._fps))

    def frames(self) -> Iterator[ClipFrame]:
        clock = MediaClock(self._limits, self._timeline)
        for index, path in enumerate(self._paths):
            offset_ms = clock.tick(Fraction(index, self._fps))
            if offset_ms is None:
                continue
            jpeg, width, height = self._read(path)
            if (width, height) != (self.width, self.height):
                raise ClipError(f"{path.name}: {width}x{height}, but the first image is {self.width}x{self.height}")
            yield ClipFrame(offset_ms, jpeg)

    def _read(self, path: Path) -> tuple[bytes, int, int]:
        try:
            image = read_image(path, self._limits)
        except ImageError as error:
            raise ClipError(f"{path.name}: {error}") from None
        return image.jpeg if image.pixels is None else encode(image.pixels, self._limits), image.width, image.height


def open_clip(path: Path, limits: CaptureLimits, fps: int = 15) -> Clip:
    """Open a video file or a folder of images as a clip; ``fps`` is for folders.

    Raises:
        ClipError: it is neither, or cannot be a capture.
    """
    if not os.path.exists(path):  # noqa: PTH110 -- Path.exists raises for a name that is too long
        raise ClipError(f"{path}: there is no such file or folder")
    if path.is_dir():
        return FolderSource(path, limits, fps)
    if not path.is_file():
        raise ClipError(f"{path}: a pipe or a device, which cannot be read twice: save it as a file first")
    return VideoSource(path, limits)


@contextmanager
def _clip_errors(name: str) -> Iterator[None]:
    try:
        yield
    except VideoError as error:
        raise ClipError(f"{name}: {error.detail}") from None
