"""One scene as cameras, phones, browsers and screen recorders write it: the same pictures at the same times."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from tests.workers.vision.cameras import Image, as_a_browser_writes, filmed, number, scene
from tests.workers.vision.test_orientation import MATRICES
from workers.vision.packets import picture_stream
from workers.vision.video import Video

LIMITS = CaptureLimits()
ONE = 1 << 16
EVERY_67_MS = [round(1000 * index / 15) for index in range(45)]


def read(video: Video) -> tuple[list[int], list[Image]]:
    pictures = list(video.pictures())
    return [picture.offset_ms for picture in pictures], [picture.image() for picture in pictures]


def of(data: bytes) -> Video:
    return Video(lambda: io.BytesIO(data), LIMITS)


@cache
def upright() -> tuple[list[int], list[Image]]:
    return read(of(filmed(scene(45))))


def unlike(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("abcd", MATRICES)
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_every_display_matrix_gives_the_upright_pictures(abcd: tuple[int, ...], container: str) -> None:
    """Mirrored ones too: a front camera writes the matrix 0 1 1 0."""
    a, b, c, d = abcd
    inverse = next(
        stored for (a_, b_, c_, d_), stored in STORERS.items()
        if np.array_equal(np.array([[a, c], [b, d]]) @ np.array([[a_, c_], [b_, d_]]), np.eye(2))
    )  # fmt: skip
    stored = [np.ascontiguousarray(inverse(picture)) for picture in scene(45)]
    video = of(filmed(stored, container, matrix=(a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)))
    times, pictures = read(video)
    assert (video.width, video.height) == (96, 64)
    assert times == upright()[0]
    assert max(unlike(one, other) for one, other in zip(pictures, upright()[1], strict=True)) < 4


STORERS: dict[tuple[int, int, int, int], Callable[[Image], Image]] = {
    (1, 0, 0, 1): lambda image: image,
    (-1, 0, 0, 1): lambda image: image[:, ::-1],
    (-1, 0, 0, -1): lambda image: image[::-1, ::-1],
    (1, 0, 0, -1): lambda image: image[::-1],
    (0, 1, 1, 0): lambda image: image.swapaxes(0, 1),
    (0, 1, -1, 0): lambda image: np.rot90(image, -1),
    (0, -1, -1, 0): lambda image: image.swapaxes(0, 1)[::-1, ::-1],
    (0, -1, 1, 0): lambda image: np.rot90(image, 1),
}


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize(
    ("stored", "aspect", "matrix"),
    [
        ((72, 64), Fraction(4, 3), None),
        ((96, 64), Fraction(1), None),
        ((192, 64), Fraction(1, 2), None),
        ((64, 72), Fraction(3, 4), None),
    ],
)
def test_pixels_that_are_not_square_are_made_square(
    container: str, stored: tuple[int, int], aspect: Fraction, matrix: None
) -> None:
    video = of(filmed(scene(45, *stored), container, pixel_aspect=aspect))
    assert Fraction(video.width, video.height) == Fraction(stored[0], stored[1]) * aspect
    _, pictures = read(video)
    assert pictures[0].shape == (video.height, video.width, 3)
    assert unlike(pictures[7], scene(45, video.width, video.height)[7]) < 6


def test_pixels_that_are_not_square_are_turned_after_they_are_made_square() -> None:
    stored = [np.ascontiguousarray(np.rot90(picture, 1)) for picture in scene(45, 96, 48)]
    video = of(filmed(stored, pixel_aspect=Fraction(4, 3), turn={"degrees": 270}))
    assert (video.width, video.height) == (96, 64)
    assert unlike(read(video)[1][3], scene(45)[3]) < 6


def shaky(by_ms: int, rate: int, frames: int) -> list[int]:
    chance = random.Random(by_ms)
    return sorted({max(0, round(1000 * index / rate + chance.uniform(-by_ms, by_ms))) for index in range(frames)})


@pytest.mark.parametrize(("rate", "frames"), [(8, 40), (10, 40), (15, 60)])
@pytest.mark.parametrize("by_ms", [3, 12])
def test_a_browsers_webm_that_names_no_rate_loses_no_frame(by_ms: int, rate: int, frames: int) -> None:
    times = shaky(by_ms, rate, frames)
    data = as_a_browser_writes(filmed(scene(frames), "webm", "libvpx", rate=1000, times_ms=times))
    with av.open(io.BytesIO(data)) as container:
        assert container.duration is None, "as the files of Chromium and Firefox have it"
    kept, pictures = read(of(data))
    assert kept == [at - times[0] for at in times]
    assert [number(picture) for picture in pictures[:40]] == list(range(40))


def test_a_still_part_takes_no_frame_of_the_movement_away() -> None:
    times = [0, *(20_000 + round(1000 * index / 15) for index in range(60))]
    video = of(filmed(scene(61), times_ms=times))
    assert video.fps_target == 15
    assert read(video)[0] == times
    assert video.end_ms == 24_000


@pytest.mark.parametrize("last_ms", [1600, 6000])
@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_a_last_picture_that_is_held_is_shown_until_the_end(last_ms: int, container: str) -> None:
    video = of(filmed(scene(45), container, last_ms=last_ms))
    assert read(video)[0] == upright()[0]
    assert video.end_ms == round(44_000 / 15) + last_ms


def test_one_picture_that_is_held_is_a_capture() -> None:
    video = of(filmed(scene(1), last_ms=6000))
    assert (read(video)[0], video.end_ms) == ([0], 6000)


@pytest.mark.parametrize("container", ["matroska", "webm", "mp4"])
@pytest.mark.parametrize("late_ms", [5_000, 60_000, 200_000])
def test_a_video_that_starts_late_is_as_long_as_its_pictures(container: str, late_ms: int) -> None:
    codec = "libvpx" if container == "webm" else "mpeg4"
    video = of(filmed(scene(45), container, codec, late_ms=late_ms))
    assert read(video)[0] == EVERY_67_MS
    assert video.end_ms == 3000


@pytest.mark.parametrize("container", ["matroska", "mov"])
@pytest.mark.parametrize("sound_s", [1, 20, 140])
def test_the_sounds_length_is_not_the_pictures(container: str, sound_s: int) -> None:
    video = of(filmed(scene(45), container, sound_s=sound_s))
    assert read(video)[0] == upright()[0]
    assert video.end_ms == 3000


def cut_matroska(sound_s: float) -> bytes:
    data = filmed(scene(90), "matroska", sound_s=sound_s)
    return data[: len(data) // 3]


@pytest.mark.parametrize("sound_s", [0, 6])
def test_a_video_that_is_cut_off_is_damaged_before_a_frame_is_sent(sound_s: float) -> None:
    with pytest.raises(VideoError, match="ends before it should"):
        of(cut_matroska(sound_s))


@pytest.mark.parametrize(("codec", "options"), [("libx264", {}), ("mpeg4", {"bf": "2"}), ("mpeg4", {}), ("mjpeg", {})])
def test_an_avi_has_its_pictures_in_order_and_in_time(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    """Its packets have the times of decoding alone."""
    pictures = scene(45)
    path = tmp_path / "v.avi"
    path.write_bytes(filmed(pictures, "avi", codec, options=options) if codec != "mjpeg" else mjpeg_avi(pictures))
    video = Video(path, LIMITS)
    times, found = read(video)
    assert times == upright()[0]
    assert [number(picture) for picture in found] == list(range(45))
    assert (video.end_ms, video.expected_frames) == (3000, 45)


def mjpeg_avi(pictures: list[Image]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as output:
        stream: Any = output.add_stream("mjpeg", rate=15)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuvj420p"
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    return file.getvalue()


@pytest.mark.parametrize(("container", "codec"), [("mpegts", "libx264"), ("webm", "libvpx")])
def test_two_videos_joined_by_their_bytes_are_refused(tmp_path: Path, container: str, codec: str) -> None:
    path = tmp_path / "joined"
    path.write_bytes(2 * filmed(scene(45), container, codec))
    with pytest.raises(VideoError, match="joined") as refused:
        read(Video(path, LIMITS))
    assert refused.value.code == "video_damaged"


@pytest.mark.parametrize(
    "name", ["10:30.mp4", "2026-11-21T03:46:06.mp4", "file:v.mp4", "http:v.mp4", "%d.mp4", "-x.mp4"]
)
def test_a_file_s_name_is_never_read_as_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).write_bytes(filmed(scene(45)))
    monkeypatch.chdir(tmp_path)
    assert read(Video(Path(name), LIMITS))[0] == upright()[0]


def changing(first: tuple[int, int], then: tuple[int, int]) -> bytes:
    """A stream whose pictures have another size from the middle on, as WebRTC's and a turned phone's do."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as output:
        stream: Any = output.add_stream("libvpx", rate=15)
        stream.width, stream.height = first
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        packets = []
        for size in (first, then):
            encoder: Any = av.CodecContext.create("libvpx", "w")
            encoder.width, encoder.height = size
            encoder.pix_fmt, encoder.bit_rate, encoder.time_base = "yuv420p", 4_000_000, Fraction(1, 15)
            for index, picture in enumerate(scene(30, *size)):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = index + (30 if size is then else 0), Fraction(1, 15)
                packets += encoder.encode(frame)
            packets += encoder.encode()
        for packet in packets:
            packet.stream = stream
            output.mux(packet)
    return file.getvalue()


def test_pictures_that_change_their_shape_are_not_stretched() -> None:
    tall = (48, 96)
    times, pictures = read(of(changing((96, 64), tall)))
    assert len(times) == 60
    after = pictures[45]
    assert after.shape == (64, 96, 3)
    assert after[:, :30].max() < 20 and after[:, -30:].max() < 20, "black beside it"
    assert unlike(after[:, 32:64], scene(45, 32, 64)[15]) < 8


def test_pictures_that_change_their_size_alone_fill_the_first_ones() -> None:
    _, pictures = read(of(changing((96, 64), (48, 32))))
    assert unlike(pictures[45], scene(45)[15]) < 12


NONE, COVER, DEFAULT = Disposition(0), Disposition.attached_pic, Disposition.default


def stream(index: int, disposition: Disposition = NONE, *, decodes: bool = True) -> Any:
    return SimpleNamespace(index=index, disposition=disposition, codec_context=object() if decodes else None)


@pytest.mark.parametrize(
    ("streams", "chosen"),
    [
        ([stream(0)], 0),
        ([stream(0), stream(1)], 0),
        ([stream(0, COVER), stream(1)], 1),
        ([stream(0, COVER | DEFAULT), stream(1)], 1),
        ([stream(0, Disposition.timed_thumbnails), stream(1)], 1),
        ([stream(0), stream(1, DEFAULT)], 1),
        ([stream(0, DEFAULT), stream(1, DEFAULT)], 0),
        ([stream(0, DEFAULT, decodes=False), stream(1)], 1),
    ],
)
def test_the_pictures_are_those_of_the_default_stream_and_never_a_cover_image(streams: list[Any], chosen: int) -> None:
    container = SimpleNamespace(streams=SimpleNamespace(video=streams))
    assert picture_stream(container).index == chosen


@pytest.mark.parametrize("streams", [[], [stream(0, COVER)]])
def test_sound_with_a_cover_has_no_picture(streams: list[Any]) -> None:
    with pytest.raises(VideoError, match="only sound or data") as refused:
        picture_stream(SimpleNamespace(streams=SimpleNamespace(video=streams)))
    assert refused.value.code == "no_frames"


def two_tracks(container: str, first: Disposition, second: Disposition) -> bytes:
    """A track of 64 × 64 and one of 96 × 64."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        tracks = []
        for size, disposition in (((64, 64), first), ((96, 64), second)):
            track: Any = output.add_stream("mjpeg" if disposition & COVER else "mpeg4", rate=15)
            track.width, track.height = size
            track.pix_fmt = "yuvj420p" if disposition & COVER else "yuv420p"
            track.disposition = disposition
            tracks.append((track, scene(1 if disposition & COVER else 45, *size)))
        for track, pictures in tracks:
            for index, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 15)
                output.mux(track.encode(frame))
            output.mux(track.encode())
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "first", "second"),
    [("matroska", NONE, DEFAULT), ("mp4", NONE, DEFAULT), ("mp4", COVER, DEFAULT)],
)
def test_the_default_track_of_a_real_file_is_read(container: str, first: Disposition, second: Disposition) -> None:
    video = of(two_tracks(container, first, second))
    assert (video.width, video.height) == (96, 64)
    assert read(video)[0] == upright()[0]
