"""Bounds on a video's cost for an extractor: its work in samples, and the memory that FFmpeg allocates."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from contracts.rules.errors import VideoError
from contracts.rules.jpeg import MAX_SAMPLES

__all__ = ["MAX_VIDEO_BYTES", "MAX_VIDEO_SAMPLES", "MemoryLimit", "WorkMeter", "video_error"]

MAX_VIDEO_SAMPLES = 4096 * 2304 * 60 * 121
"""The pixels of all packets: two minutes of the largest picture, 60 times a second. They take about as long as
`workers.extract.upload_job.DECODE_WITHIN_S` allows."""

MAX_VIDEO_BYTES = 512 * 1024 * 1024
"""How much memory FFmpeg may take for a video, beside what the extractor had before. 16 reference pictures of 10 bits
at 4096 × 2304 take 450 MB."""

_START_OF_SCAN = b"\xff\xda"
_JPEG_HEADER = re.compile(rb"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xf7]...(....)", re.DOTALL)
_MAX_JPEG_HEADERS = 8


class WorkMeter:
    """Adds up the cost of decoding one video's packets."""

    def __init__(self) -> None:
        self._samples = 0

    def frames(self, container: Any, stream: Any) -> Iterator[Any]:
        """The frames of a stream, of which no packet is decoded that costs too much.

        Raises:
            VideoError: ``limit_decode_time_exceeded``.
        """
        context = stream.codec_context
        for packet in container.demux(stream):
            if packet.size:  # the last packet is empty: it flushes the decoder
                pixels = context.width * context.height
                is_motion_jpeg = context.name == "mjpeg"
                self.add(max(pixels, motion_jpeg_samples(bytes(packet), pixels)) if is_motion_jpeg else pixels)
            yield from packet.decode()

    def add(self, samples: int) -> None:
        """Count a packet of so many samples.

        Raises:
            VideoError: ``limit_decode_time_exceeded``.
        """
        self._samples += samples
        if samples > MAX_SAMPLES or self._samples > MAX_VIDEO_SAMPLES:
            raise VideoError("limit_decode_time_exceeded", "it would take too long to decode")


def motion_jpeg_samples(packet: bytes, pixels: int) -> int:
    """What a packet of Motion JPEG costs at most: FFmpeg decodes every scan that it finds, over the largest picture
    that a header names; ``pixels`` is what the container says."""
    headers = list(islice((match.group(1) for match in _JPEG_HEADER.finditer(packet)), _MAX_JPEG_HEADERS + 1))
    if len(headers) > _MAX_JPEG_HEADERS:
        return MAX_SAMPLES + 1
    sizes = [int.from_bytes(one[:2], "big") * int.from_bytes(one[2:], "big") for one in headers]
    return packet.count(_START_OF_SCAN) * max([pixels, *sizes])


class MemoryLimit:
    """Keeps FFmpeg from taking more than ``most_bytes`` beside what this process has now. Where the system does not say
    how much that is (no Linux), there is no limit."""

    def __init__(self, most_bytes: int = MAX_VIDEO_BYTES) -> None:
        there = _data_bytes()
        _, self._hard = resource.getrlimit(resource.RLIMIT_DATA)
        self._soft = there + most_bytes if there else self._hard
        if self._hard != resource.RLIM_INFINITY:
            self._soft = min(self._soft, self._hard)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, an allocation above the limit fails. FFmpeg copes with that; MediaPipe, which would end the process,
        is to be outside."""
        before, _ = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (self._soft, self._hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (before, self._hard))


def _data_bytes() -> int:
    """The bytes that the kernel counts against RLIMIT_DATA; 0 if the system does not report them."""
    try:
        found = re.search(r"^VmData:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found.group(1)) * 1024 if found else 0


def video_error(error: BaseException, code: str, detail: str) -> VideoError:
    """The error for an exception of FFmpeg: ``code``, unless FFmpeg was refused memory."""
    if isinstance(error, MemoryError):
        return VideoError("limit_memory_exceeded", "it takes more memory to decode than a video may")
    return VideoError(code, detail)  # type: ignore[arg-type]
