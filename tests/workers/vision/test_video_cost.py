"""Bounds on a video's cost: samples decoded, bytes of memory."""

from __future__ import annotations

import io
import subprocess
import sys

import av
import numpy as np
import pytest

from contracts.rules.jpeg import MAX_SAMPLES
from tests.attack.jpegs import picture, with_scans
from tests.attack.videos import HOSTILE_INDEXES
from tests.support.clips import encoded, grey_video
from tests.workers.vision.test_video import code_of
from workers.vision import video_cost
from workers.vision.video_cost import MemoryLimit, WorkMeter, motion_jpeg_samples

MIB = 1024 * 1024


def motion_jpeg(*jpegs: bytes, container: str = "mov") -> bytes:
    """A Motion JPEG of exactly these pictures."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("mjpeg", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        output.start_encoding()
        for number, jpeg in enumerate(jpegs):
            packet = av.Packet(jpeg)
            packet.stream, packet.pts, packet.dts, packet.duration = stream, number, number, 1
            packet.time_base = stream.codec_context.time_base
            output.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("container", ["mov", "matroska"])
def test_motion_jpeg_of_a_camera_is_taken(container: str) -> None:
    assert code_of(motion_jpeg(*[picture()] * 45, container=container)) == ""
    assert code_of(motion_jpeg(*[picture(progressive=True)] * 45, container=container)) == ""


@pytest.mark.parametrize("container", ["mov", "matroska"])
def test_motion_jpeg_of_thousands_of_scans_is_not_decoded(container: str) -> None:
    hostile = with_scans(picture(progressive=True), 2000)
    assert code_of(motion_jpeg(*[hostile] * 45, container=container)) == "limit_decode_time_exceeded"


def test_every_scan_counts_over_the_largest_picture_that_a_header_tells_of() -> None:
    one = picture(64, 48)
    assert motion_jpeg_samples(one, 64 * 48) == 64 * 48
    assert motion_jpeg_samples(one, 100 * 100) == 100 * 100
    assert motion_jpeg_samples(one + picture(640, 480) + one, 64 * 48) == 3 * 640 * 480
    assert motion_jpeg_samples(one * 9, 64 * 48) > MAX_SAMPLES, "no camera changes its size so often"


def test_the_work_of_a_video_is_bounded_whatever_its_packets_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet may hold a picture that is not shown; decoding it costs the same."""
    monkeypatch.setattr(video_cost, "MAX_VIDEO_SAMPLES", 60 * 64 * 48)
    assert code_of(grey_video(60, 30)) == ""
    monkeypatch.setattr(video_cost, "MAX_VIDEO_SAMPLES", 60 * 64 * 48 - 1)
    assert code_of(grey_video(60, 30)) == "limit_decode_time_exceeded"


def test_a_telephones_slow_motion_and_its_largest_pictures_are_within_the_bound() -> None:
    for width, height, fps in ((1920, 1080, 240), (3840, 2160, 60)):
        meter = WorkMeter()
        for _ in range(120 * fps):
            meter.add(width * height)


@pytest.mark.parametrize("name", HOSTILE_INDEXES)
def test_an_index_that_claims_too_much_is_refused_before_ffmpeg_reads_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object, **__: object) -> None:
        raise AssertionError("FFmpeg was asked")

    monkeypatch.setattr(av, "open", opened)
    data, code = HOSTILE_INDEXES[name]
    assert code_of(data) == code


# --- memory -----------------------------------------------------------------------------------------------


def test_memory_over_the_limit_is_refused_inside_the_block_and_granted_outside() -> None:
    limit = MemoryLimit(64 * MIB)
    with limit.held():
        assert len(bytearray(16 * MIB)) == 16 * MIB
        with pytest.raises(MemoryError):
            bytearray(256 * MIB)
    assert len(bytearray(256 * MIB)) == 256 * MIB


_IN_LITTLE_MEMORY = """
import io, sys
from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from workers.vision.video import Video
from workers.vision.video_cost import MemoryLimit
data = sys.stdin.buffer.read()
try:
    print(len(list(Video(lambda: io.BytesIO(data), CaptureLimits(), MemoryLimit(int(sys.argv[1])).held).pictures())))
except VideoError as error:
    print(error.code)
"""


@pytest.mark.parametrize(
    ("most_bytes", "said"), [(video_cost.MAX_VIDEO_BYTES, "3"), (8 * MIB, "limit_memory_exceeded")]
)
def test_a_video_that_takes_more_memory_than_it_may_has_its_code(most_bytes: int, said: str) -> None:
    """Runs in a new process: memory that this one has freed would distort the measurement."""
    large = encoded([np.zeros((2304, 4096, 3), np.uint8)] * 3, 1, container="matroska")
    command = [sys.executable, "-c", _IN_LITTLE_MEMORY, str(most_bytes)]
    done = subprocess.run(command, input=large, capture_output=True, check=False)
    assert done.stdout.decode().strip() == said, done.stderr
