"""The frames of an uploaded video: read from the broker in chunks, and decoded. No frame is stored.

Only rows are stored, so if a job is cut off, the next extractor decodes the video again from its start, gets the very
same pictures, and passes over those that have a row.
"""

from __future__ import annotations

import io
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from contracts.process.retry import Stopped
from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, uploads
from contracts.state.captures import CaptureWindow
from contracts.state.frame import TerminalEntry
from contracts.state.video import CHUNK_BYTES, StoredVideo
from workers.extract.dependencies import Dependencies
from workers.extract.lease import Steps
from workers.extract.reader import Frame, Frames
from workers.vision.video_cost import MemoryLimit

if TYPE_CHECKING:
    from workers.vision.video import Video

__all__ = ["StoredFile", "UploadedVideo"]

DECODE_WITHIN_S = 300.0
"""How long all of a video may take to decode. Two minutes of video take seconds; a video that was made to waste time is
refused."""

HELD_CHUNKS = 4
"""How many chunks are kept in memory: pictures and sound may be far apart, and an index may be at the end."""


class StoredFile(io.RawIOBase):
    """A video in the broker as a file to read. It keeps at most `HELD_CHUNKS` chunks in memory.

    ``fetch`` returns a chunk by its number, or None if it is gone. A read raises `VideoError` with ``frames_lost`` if a
    chunk is gone or has the wrong length, and passes on what ``fetch`` raises.
    """

    def __init__(self, video: StoredVideo, fetch: Callable[[int], bytes | None]) -> None:
        super().__init__()
        self._length = video.byte_length
        self._fetch = fetch
        self._chunks: OrderedDict[int, bytes] = OrderedDict()
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, start = divmod(self._at, CHUNK_BYTES)
        size = min(len(buffer), CHUNK_BYTES - start, self._length - self._at)
        if size <= 0:
            return 0
        buffer[:size] = memoryview(self._chunk(number))[start : start + size]
        self._at += size
        return size

    def _chunk(self, number: int) -> bytes:
        if number not in self._chunks:
            chunk = self._fetch(number)
            if chunk is None or len(chunk) != min(CHUNK_BYTES, self._length - number * CHUNK_BYTES):
                raise VideoError("frames_lost", "a piece of the video is gone")
            self._chunks[number] = chunk
            if len(self._chunks) > HELD_CHUNKS:
                self._chunks.popitem(last=False)
        self._chunks.move_to_end(number)
        return self._chunks[number]


class UploadedVideo:
    """The video of one claimed capture.

    Attributes:
        on_stuck: runs in the watchdog's thread before this process ends because a picture takes too long.
        expected_frames: about how many frames the video has; 0 until it is opened.
    """

    def __init__(self, dependencies: Dependencies, steps: Steps, window: CaptureWindow, video: StoredVideo) -> None:
        self._dependencies = dependencies
        self._steps = steps
        self._window = window
        self._stored = video
        self.on_stuck: Callable[[], object] = lambda: None
        self._decode_s = 0.0
        self._memory = MemoryLimit()
        self._opened: Video | None = None
        self.expected_frames = 0

    def open(self) -> CaptureWindow:
        """Read the video's header; returns the capture's window with the video's rate and size.

        Raises:
            VideoError: the video is gone, is not a video, or exceeds a limit.
        """
        self._steps.retry(lambda: uploads.keep_sync(self._dependencies.frames, self._stored.upload_id))
        window = self._window
        limits = CaptureLimits(
            max_fps=window.fps_target, max_long_side=window.width, max_short_side=window.height,
            max_duration_s=window.max_duration_s, min_duration_s=self._stored.min_duration_s,
            max_frames=self._stored.max_frames,
        )  # fmt: skip
        from workers.vision.video import (
            Video,  # here, because it loads FFmpeg's libraries, which an extractor without videos does not need
        )

        video = self._opened = Video(self._file, limits, self._turn)
        self.expected_frames = max(1, min(video.expected_frames, limits.max_frames))
        self._measure(0)
        size = {"fps_target": video.fps_target, "width": video.width, "height": video.height}
        return window.model_copy(update=size)

    def frames(self, after_seq: int) -> Frames:
        """Yield the frames after ``after_seq``; decode the earlier ones and pass over them.

        Raises:
            VideoError: the video is damaged or exceeds a limit.
            Stopped: the process was told to stop while passing over frames.
        """
        assert self._opened is not None
        seq = 0
        for seq, picture in enumerate(self._opened.pictures(), start=1):
            if seq > self._stored.max_frames:
                raise VideoError("limit_frame_count_exceeded", "it has more frames than a capture may have")
            if seq > after_seq:
                yield Frame(seq, picture.offset_ms, 0, picture.image)
            elif self._dependencies.stop.is_set():  # the job checks only between the frames that it gets
                raise Stopped
        self._measure(seq)
        end = self._window.timestamp_start + timedelta(milliseconds=self._opened.end_ms)
        return TerminalEntry("close", timestamp_end=end), seq

    def _file(self) -> BinaryIO:
        return cast(BinaryIO, StoredFile(self._stored, self._fetch))

    def _fetch(self, number: int) -> bytes | None:
        dependencies, upload_id = self._dependencies, self._stored.upload_id
        with dependencies.clock.paused():  # waiting for a broker does not count as a slow frame
            return self._steps.retry(lambda: uploads.read_chunk(dependencies.frames, upload_id, number))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._decode_s > DECODE_WITHIN_S:
            raise VideoError("limit_decode_time_exceeded", f"it takes over {DECODE_WITHIN_S:g} s to decode")
        self._steps.lease.check()
        started_s = time.monotonic()
        try:
            clock, seconds = self._dependencies.clock, self._dependencies.metrics.video_decode.time()
            with clock.ending_with(self.on_stuck), clock.frame(), self._memory.held(), seconds:
                yield
        finally:
            self._decode_s += time.monotonic() - started_s

    def _measure(self, accepted: int) -> None:
        capture_id, token = self._steps.lease.capture_id, self._steps.lease.token
        call = captures.measure(capture_id, token, expected=self.expected_frames, accepted=accepted)
        self._steps.fenced(call)
