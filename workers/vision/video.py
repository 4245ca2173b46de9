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
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData

from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from workers.vision.mp4_index import check_index
from workers.vision.orientation import Orientation, display_size, fitting_size, size_within
from workers.vision.packets import picture_stream, read_timeline
from workers.vision.pipelines.base import Image
from workers.vision.sampling import MediaClock, ends_early, too_long
from workers.vision.video_cost import WorkMeter, video_error

__all__ = ["MAX_PIXELS", "Picture", "Video"]

MAX_PIXELS = 4096 * 2304
"""The largest picture that is decoded: a few kilobytes may unpack to gigabytes."""

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
OTHER_FORMATS = "avi,mpegts,mpeg,flv,ogg,asf"
DECODERS = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,mpeg4,h263,mjpeg,prores"
"""`a3cp ingest` accepts ``OTHER_FORMATS`` too. Raw streams are left out, because they have no times."""
MAX_STREAMS = 32

PACKETS_A_TURN = 64
FRAMES_LOOKED_AT = 16
"""Enough to see whether times run back: they do within a few pictures, where a decoder puts them in order."""

_ERRORS = (av.error.FFmpegError, OSError, ValueError, MemoryError)

Turn = Callable[[], AbstractContextManager[None]]
"""A context for each step of FFmpeg, in which the caller may measure or limit it."""


class Picture(NamedTuple):
    """One frame that a capture has, ``offset_ms`` after the first; ``image`` makes its pixels."""

    offset_ms: int
    image: Callable[[], Image]


class Video:
    """A video as a capture has it.

    ``source`` is a path, or opens the file again each time; ``turn`` is around each frame's decoding.

    Attributes:
        width, height: of every picture, in square pixels, upright.
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
        self._orientations: dict[int, Orientation] = {}
        with self._opened() as container:
            stream = picture_stream(container)
            if stream.duration is not None and stream.duration * stream.time_base > limits.max_duration_s + 1:
                raise too_long(float(stream.duration * stream.time_base), limits)
            first_shown = self._look_at_first(container, stream)
        with self._opened() as container:
            packets = self._packets(container)
            self._timeline = read_timeline(packets, container, picture_stream(container), first_shown, limits)
        self.fps_target = self._timeline.fps_target
        self.expected_frames = self._timeline.expected_frames
        self.end_ms = 0

    def _look_at_first(self, container: Any, stream: Any) -> int | None:
        """Learn what the first pictures show; returns the first one's time, None if the container has only times of
        decoding (AVI; what FFmpeg guesses from them may run back)."""
        is_avi = container.format.name == "avi"
        frames = list(islice(self._frames(container, stream), FRAMES_LOOKED_AT if is_avi else 1))
        if not frames:
            raise VideoError("no_frames", "there is no frame in it")
        self._pixel_aspect: Fraction | None = stream.sample_aspect_ratio
        self.width, self.height = fitting_size(*self._shown_size(frames[0]), self._limits)
        times = [frame.pts for frame in frames if frame.pts is not None]
        self._by_dts = is_avi and times != sorted(times)
        return None if is_avi else frames[0].pts

    def pictures(self) -> Iterator[Picture]:
        """The pictures in order, ``offset_ms`` from 0; the same ones each time.

        Raises:
            VideoError: the video turns out to be damaged, too long, too short or too fast on the way.
        """
        clock = MediaClock(self._limits, self._timeline)
        at_s: Fraction | None = None
        with self._opened() as container:
            for frame in self._frames(container, picture_stream(container)):
                at_s = self._time_s(frame, at_s)
                offset_ms = clock.tick(at_s)
                if offset_ms is not None:
                    yield Picture(offset_ms, lambda frame=frame: self._upright(frame))  # type: ignore[misc]
        clock.check_end()
        if ends_early(clock.end_ms / 1000, float(self._timeline.end_s)):
            raise VideoError("video_damaged", "it ends before it should")
        self.end_ms = clock.end_ms

    def _time_s(self, frame: Any, before_s: Fraction | None) -> Fraction | None:
        at = frame.dts if self._by_dts else frame.pts
        if at is None and self._by_dts and before_s is not None:
            return (
                before_s + self._timeline.period_s
            )  # a decoder's last frames come without a packet, and so without dts
        return None if at is None or frame.time_base is None else int(at) * Fraction(frame.time_base)

    def _packets(self, container: Any) -> Iterator[Any]:
        packets = container.demux()
        try:
            while True:
                with self._turn():
                    some = list(islice(packets, PACKETS_A_TURN))
                yield from some
                if not some:
                    return
        except _ERRORS as error:
            raise video_error(error, "video_damaged", "the video is damaged") from None

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        context = stream.codec_context
        if context is None:
            raise VideoError("not_a_video", "its pictures are in a format that is not known")
        if context.width * context.height > MAX_PIXELS:
            raise VideoError("limit_resolution_exceeded", f"its pictures are larger than {MAX_PIXELS:,} pixels")
        context.options = {"max_pixels": str(MAX_PIXELS)}
        if not isinstance(self._source, Path):
            context.options |= {"codec_whitelist": DECODERS}
        context.thread_count = 1  # one thread: few pictures in memory, and the same ones each time
        frames = WorkMeter().frames(container, stream)
        try:
            while True:
                with self._turn():
                    frame = next(frames, None)
                if frame is None:
                    return
                yield frame
        except _ERRORS as error:
            raise video_error(error, "video_damaged", "the video is damaged") from None

    def _orientation(self, frame: Any) -> Orientation:
        """That of the frame's display matrix. Looking at it keeps the frame in memory until the next collection of
        garbage (PyAV's side data refers to it), so it is done once for each angle."""
        if frame.rotation not in self._orientations:
            try:
                matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
                found = Orientation() if matrix is None else Orientation.of_matrix(bytes(matrix))
            except ValueError:  # PyAV raises for side data of a kind that it does not know
                found = Orientation.of_angle(frame.rotation)
            self._orientations[frame.rotation] = found
        return self._orientations[frame.rotation]

    def _shown_size(self, frame: Any) -> tuple[int, int]:
        return self._orientation(frame).size(*display_size(frame.width, frame.height, self._pixel_aspect))

    def _upright(self, frame: Any) -> Image:
        """The picture in the size of the first one; one that has another shape is put in the middle, on black."""
        orientation, box, shown = self._orientation(frame), (self.width, self.height), self._shown_size(frame)
        size = box if fitting_size(*shown, self._limits) == box else size_within(*shown, box)
        width, height = orientation.size(*size)
        # INTER_AREA averages when it shrinks
        shrunk = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
        upright = orientation.upright(shrunk.to_ndarray())
        if size == box:
            return upright
        image = np.zeros((self.height, self.width, 3), np.uint8)
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        image[top : top + size[1], left : left + size[0]] = upright
        return image

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
                # absolute: FFmpeg takes what is before a colon in "10:30.mp4" for a protocol
                source = self._source.absolute() if isinstance(self._source, Path) else self._source()
                if not isinstance(source, Path):
                    check_index(source, source.seek(0, io.SEEK_END))
                container = av.open(source, options=options, metadata_errors="replace")
        except _ERRORS as error:
            raise video_error(error, "not_a_video", "not a video that can be read") from None
        with container:
            yield container
