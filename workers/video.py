"""A video: turned upright, at most a capture's size and rate, by its container's own timestamps. It may be hostile.

FFmpeg opens what its bytes say, and would follow them: playlists and `concat` scripts name files and addresses. So only
containers that hold their own data are opened, only decoders of common codecs run, and no protocol may be used but the
file that is handed in.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import av
import numpy as np

from contracts.errors import VideoError
from contracts.limits import CaptureLimits
from workers.mp4_index import check_index
from workers.pipelines.base import Image
from workers.sampling import MediaClock, fitting_size, too_long
from workers.video_cost import WorkMeter, video_error

__all__ = ["MAX_PIXELS", "Picture", "Video"]

MAX_PIXELS = 4096 * 2304
"""The largest picture that is decoded: a few kilobytes may unpack to gigabytes."""

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
OTHER_FORMATS = "avi,mpegts,mpeg,flv,ogg,asf"
DECODERS = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,mpeg4,h263,mjpeg,prores"
"""What others make (`a3cp ingest` takes them too). Raw streams have no times of their own, so none of them is here."""
MAX_STREAMS = 16

_ERRORS = (av.error.FFmpegError, OSError, ValueError, MemoryError)

Turn = Callable[[], AbstractContextManager[None]]
"""Is around each step of FFmpeg's: what it takes there is its own time."""


class Picture(NamedTuple):
    """One frame that a capture has, ``offset_ms`` after the first; ``image`` makes its pixels."""

    offset_ms: int
    image: Callable[[], Image]


class Video:
    """A video as a capture has it.

    ``source`` is a path, or opens the file anew each time; ``turn`` is around each frame's decoding.

    Attributes:
        width, height: of every picture, in pixels, upright.
        fps_target: what the capture declares; no second has more frames, give or take one.
        expected_frames: about how many pictures will come; 0 if the video does not say.
        end_ms: when the last picture has been shown; known once all have been read.

    Raises:
        VideoError: it is not a video, has no frames, or says that it is longer than a capture may be.
    """

    def __init__(self, source: Path | Callable[[], BinaryIO], limits: CaptureLimits, turn: Turn = nullcontext) -> None:
        self._source = source
        self._limits = limits
        self._turn = turn
        with self._opened() as container:
            stream = container.streams.video[0]
            with turn():
                first = next(self._frames(container, stream), None)
            if first is None:
                raise VideoError("no_frames", "there is no frame in it")
            self.width, self.height = self._upright_size(first)
            self._rate = _rate(stream, limits)
            duration_s = _duration_s(container, stream)
            # of several streams, the longest makes the container's
            self._promised_s = duration_s if stream.duration is not None or len(container.streams) == 1 else 0.0
        if duration_s > limits.max_duration_s + 1:
            raise too_long(duration_s, limits)
        self.fps_target = MediaClock.at(self._rate, limits).fps_target
        self.expected_frames = round(max(0.0, duration_s) * min(float(self._rate), self.fps_target))
        self.end_ms = 0

    def pictures(self) -> Iterator[Picture]:
        """The pictures in order, ``offset_ms`` from 0; the same ones each time.

        Raises:
            VideoError: the video turns out to be damaged, too long, too short or too fast on the way.
        """
        clock = MediaClock.at(self._rate, self._limits)
        with self._opened() as container:
            frames = self._frames(container, container.streams.video[0])
            while True:
                with self._turn():
                    frame = next(frames, None)
                if frame is None:
                    break
                offset_ms = clock.tick(_time_s(frame))
                if offset_ms is not None:
                    yield Picture(offset_ms, lambda frame=frame: self._upright(frame))  # type: ignore[misc]
        clock.check_end()
        if clock.end_ms / 1000 < self._promised_s - max(1.0, 0.1 * self._promised_s):
            raise VideoError("video_damaged", "it ends before it should")
        self.end_ms = clock.end_ms

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        context = stream.codec_context
        if context is None:
            raise VideoError("not_a_video", "its pictures are in a format that is not known")
        if context.width * context.height > MAX_PIXELS:
            raise VideoError("limit_resolution_exceeded", f"its pictures are larger than {MAX_PIXELS:,} pixels")
        context.options = {"max_pixels": str(MAX_PIXELS)}
        if not isinstance(self._source, Path):
            context.options |= {"codec_whitelist": DECODERS}
        context.thread_count = 1  # few pictures are in memory at once, and the same ones come out each time
        try:
            yield from WorkMeter().frames(container, stream)
        except _ERRORS as error:
            raise video_error(error, "video_damaged", "the video is damaged") from None

    def _upright_size(self, frame: Any) -> tuple[int, int]:
        sideways = frame.rotation % 180 != 0
        return fitting_size(*((frame.height, frame.width) if sideways else (frame.width, frame.height)), self._limits)

    def _upright(self, frame: Any) -> Image:
        turns = round(frame.rotation / 90) % 4
        width, height = (self.height, self.width) if turns % 2 else (self.width, self.height)
        # AREA averages what it shrinks; the result has the size of the first frame, whatever the stream does
        shrunk = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
        return cast(Image, np.ascontiguousarray(np.rot90(shrunk.to_ndarray(), turns)))

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        is_file = isinstance(self._source, Path)
        options = {
            "format_whitelist": f"{FORMATS},{OTHER_FORMATS}" if is_file else FORMATS,
            "protocol_whitelist": "file" if is_file else "none",
            "max_streams": str(MAX_STREAMS),
            "max_pixels": str(MAX_PIXELS),
        }
        if not is_file:
            options["codec_whitelist"] = DECODERS
        try:
            with self._turn():
                source = self._source if isinstance(self._source, Path) else self._source()
                if not isinstance(source, Path):
                    check_index(source, source.seek(0, io.SEEK_END))
                container = av.open(source, options=options, metadata_errors="replace")
        except _ERRORS as error:
            raise video_error(error, "not_a_video", "not a video that can be read") from None
        with container:
            if not container.streams.video:
                raise VideoError("no_frames", "there is no picture in it, only sound or data")
            yield container


def _rate(stream: Any, limits: CaptureLimits) -> Fraction:
    rate = Fraction(stream.average_rate or stream.guessed_rate or limits.max_fps)
    return rate if rate > 0 else Fraction(limits.max_fps)


def _time_s(frame: Any) -> Fraction | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return int(frame.pts) * Fraction(frame.time_base)


def _duration_s(container: Any, stream: Any) -> float:
    """What the container says; 0 if it says nothing."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration is not None else 0.0
