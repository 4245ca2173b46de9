"""Clips: where the frames of an ingested capture come from. Everything happens in memory; no frame is written anywhere.

A clip yields upright JPEGs that fit the capture limits, each with its time since the clip's start. It is lazy
and repeatable: the same source gives the same bytes and times each time it is read.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import simplejpeg

from contracts.errors import A3CPError, VideoError
from contracts.limits import CaptureLimits
from workers.orientation import fitting_size
from workers.sampling import too_long, too_short
from workers.video import Video

__all__ = ["IMAGE_SUFFIXES", "Clip", "ClipError", "ClipFrame", "FolderSource", "VideoSource", "encode", "open_clip"]

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


def encode(image: np.ndarray[Any, Any], limits: CaptureLimits) -> bytes:
    """An RGB image (height, width, 3) uint8 as a JPEG that is no larger than its share of a full capture."""
    share_bytes = min(limits.max_frame_bytes, limits.max_total_bytes // limits.max_frames)
    pixels = np.ascontiguousarray(image)
    for quality in QUALITIES:
        jpeg: bytes = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling="420")
        if len(jpeg) <= share_bytes:
            break
    return jpeg


class VideoSource(Clip):
    """A video file: turned upright, at most the limits' size and rate, by the container's own timestamps.

    Raises:
        ClipError: it is not a video, has no frames, or says that it is longer than a capture may be.
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
            raise ClipError(f"{self.name}: {too_long(len(self._paths) / fps, limits).detail}")
        if (shown_s := self.end_ms(0) / 1000) < limits.min_duration_s:
            raise ClipError(f"{self.name}: {too_short(shown_s, limits).detail}")
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
    if not os.path.exists(path):  # noqa: PTH110 -- the other raises for a name that is too long
        raise ClipError(f"{path}: there is no such file or folder")
    return FolderSource(path, limits, fps) if path.is_dir() else VideoSource(path, limits)


@contextmanager
def _clip_errors(name: str) -> Iterator[None]:
    try:
        yield
    except VideoError as error:
        raise ClipError(f"{name}: {error.detail}") from None
