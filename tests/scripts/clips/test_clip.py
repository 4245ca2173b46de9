"""Clips: upright, small enough, slow enough, repeatable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
import simplejpeg

from contracts.rules.limits import CaptureLimits
from scripts.clips.clip import ClipError, FolderSource, VideoSource, encode, open_clip
from scripts.clips.sample import SampleSource
from tests.scripts.clips.videos import make_folder, make_video, picture, red_corner
from tests.workers.vision.cameras import as_a_browser_writes, filmed, scene
from workers.vision.orientation import fitting_size

LIMITS = CaptureLimits()


def size_of(jpeg: bytes) -> tuple[int, int]:
    height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
    return width, height


@pytest.mark.parametrize(
    ("rotation", "size", "corner"),
    [
        (None, (320, 240), "top left"),
        (90, (240, 320), "bottom left"),  # a display matrix counts counterclockwise
        (180, (320, 240), "bottom right"),
        (270, (240, 320), "top right"),
    ],
)
def test_a_video_is_turned_upright_by_its_display_matrix(
    tmp_path: Path, rotation: int | None, size: tuple[int, int], corner: str
) -> None:
    clip = VideoSource(make_video(tmp_path / "v.mp4", frames=60, rotation=rotation), LIMITS)
    frames = list(clip.frames())
    assert (clip.width, clip.height) == size
    assert {size_of(frame.jpeg) for frame in frames} == {size}
    assert {red_corner(frame.jpeg) for frame in frames} == {corner}


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1920, 1080, (640, 360)),
        (1080, 1920, (360, 640)),
        (800, 800, (480, 480)),
        (640, 480, (640, 480)),
        (100, 50, (100, 50)),  # nothing is enlarged
        (4000, 10, (640, 2)),
    ],
)
def test_a_larger_image_is_shrunk_to_fit_in_either_orientation(
    width: int, height: int, expected: tuple[int, int]
) -> None:
    assert fitting_size(width, height, LIMITS) == expected
    assert LIMITS.fits(*fitting_size(width, height, LIMITS))


def test_a_large_video_comes_out_within_the_limits(tmp_path: Path) -> None:
    clip = VideoSource(make_video(tmp_path / "v.mp4", frames=40, fps=15, width=1280, height=720), LIMITS)
    assert {size_of(frame.jpeg) for frame in clip.frames()} == {(640, 360)}


@pytest.mark.parametrize(("fps", "kept"), [(60, 30), (30, 30), (24, 30), (15, 30), (10, 20)])
def test_a_faster_video_is_downsampled_to_fifteen_a_second(tmp_path: Path, fps: int, kept: int) -> None:
    clip = VideoSource(make_video(tmp_path / "v.mp4", frames=2 * fps, fps=fps), LIMITS)
    frames = list(clip.frames())
    assert len(frames) == kept
    assert clip.fps_target == min(15, fps)
    a_second = Counter(frame.offset_ms // 1000 for frame in frames)
    assert max(a_second.values()) <= 15 + 1
    assert frames[0].offset_ms == 0


def test_millisecond_timestamps_lose_no_frame(tmp_path: Path) -> None:
    # Matroska rounds 133.33 ms to 133: the frame is a little early for its slot
    clip = VideoSource(make_video(tmp_path / "v.mkv", frames=45, fps=15), LIMITS)
    assert [frame.offset_ms for frame in clip.frames()][:4] == [0, 67, 133, 200]
    assert len(list(clip.frames())) == 45


def test_frame_times_come_from_the_media(tmp_path: Path) -> None:
    times_ms = [0, 100, 200, 900, 1000, 1100, 2500]
    clip = VideoSource(make_video(tmp_path / "v.mkv", frames=7, fps=10, times_ms=times_ms), LIMITS)
    assert [frame.offset_ms for frame in clip.frames()] == times_ms


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mp4", frames=60, width=900, height=700)
    assert list(VideoSource(path, LIMITS).frames()) == list(VideoSource(path, LIMITS).frames())
    assert list(SampleSource(duration_s=2).frames()) == list(SampleSource(duration_s=2).frames())


def test_the_sample_clip_is_within_the_limits_and_never_still() -> None:
    clip = SampleSource()
    frames = list(clip.frames())
    assert len(frames) == clip.expected_frames == 120
    assert {size_of(frame.jpeg) for frame in frames} == {(640, 480)}
    assert len({frame.jpeg for frame in frames}) == 120
    assert clip.end_ms(frames[-1].offset_ms) == 8000


def test_a_frame_is_no_larger_than_its_share_of_a_full_capture() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    share_bytes = LIMITS.max_total_bytes // LIMITS.max_frames
    assert len(simplejpeg.encode_jpeg(noise, quality=90, colorsubsampling="420")) > share_bytes
    assert len(encode(noise, LIMITS)) <= share_bytes


@pytest.mark.parametrize(
    ("content", "reason"), [(b"hello, this is no video", "not a video"), (b"", "not a video"), (None, "no such file")]
)
def test_a_file_that_is_no_video_is_one_line(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ClipError, match=reason) as refused:
        open_clip(path, LIMITS)
    assert "\n" not in str(refused.value)


def test_sound_without_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ClipError, match="no picture"):
        VideoSource(path, LIMITS)


def test_a_video_cut_off_in_the_middle_is_damaged_or_shorter_but_never_a_traceback(tmp_path: Path) -> None:
    path = make_video(tmp_path / "v.mkv", frames=90)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8])
    with pytest.raises(ClipError):
        list(VideoSource(path, LIMITS).frames())


def test_two_seconds_are_enough_and_less_is_too_short(tmp_path: Path) -> None:
    assert len(list(VideoSource(make_video(tmp_path / "a.mp4", frames=30, fps=15), LIMITS).frames())) == 30
    with pytest.raises(ClipError, match="at least"):
        list(VideoSource(make_video(tmp_path / "b.mp4", frames=28, fps=15), LIMITS).frames())


def test_a_video_longer_than_a_capture_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    limits = CaptureLimits(max_duration_s=4)
    assert list(VideoSource(make_video(tmp_path / "a.mp4", frames=60, fps=15), limits).frames())
    with pytest.raises(ClipError, match="a capture may last 4 s"):
        VideoSource(make_video(tmp_path / "b.mp4", frames=100, fps=15), limits)


def test_a_video_that_does_not_say_its_length_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "v.webm"
    path.write_bytes(as_a_browser_writes(filmed(scene(100), "webm", "libvpx")))
    with pytest.raises(ClipError, match="a capture may last 4 s"):
        VideoSource(path, CaptureLimits(max_duration_s=4))


def test_a_jpeg_within_the_limits_is_sent_unchanged(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    clip = FolderSource(folder, LIMITS)
    assert [frame.jpeg for frame in clip.frames()] == [path.read_bytes() for path in sorted(folder.iterdir())]
    assert [frame.offset_ms for frame in clip.frames()][:4] == [0, 67, 133, 200]


def test_images_come_in_the_order_of_their_names_at_the_rate_asked_for(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=10)
    (folder / "notes.txt").write_text("not an image")
    clip = FolderSource(folder, LIMITS, fps=5)
    assert [frame.offset_ms for frame in clip.frames()] == [200 * index for index in range(10)]
    assert clip.fps_target == 5


def test_other_images_and_large_jpegs_are_encoded_to_fit(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30, width=1280, height=960)
    with av.open(folder / "0000.png", "w") as image:
        stream = image.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 1280, 960, "rgb24"
        image.mux(stream.encode(av.VideoFrame.from_ndarray(picture(1280, 960), format="rgb24")))
        image.mux(stream.encode())
    clip = FolderSource(folder, LIMITS)
    frames = list(clip.frames())
    assert len(frames) == 31
    assert {size_of(frame.jpeg) for frame in frames} == {(640, 480)}
    assert {red_corner(frame.jpeg) for frame in frames} == {"top left"}


@pytest.mark.parametrize(
    ("images", "fps", "reason"),
    [(0, 15, "no image"), (10, 15, "at least"), (50, 10, "may last 4 s"), (300, 241, "1 to 240 are")],
)
def test_a_folder_that_cannot_be_a_capture_is_refused(tmp_path: Path, images: int, fps: int, reason: str) -> None:
    with pytest.raises(ClipError, match=reason):
        FolderSource(make_folder(tmp_path / "f", images=images), CaptureLimits(max_duration_s=4), fps=fps)


def test_an_image_of_another_size_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    (folder / "0007.jpg").write_bytes(simplejpeg.encode_jpeg(picture(100, 100)))
    with pytest.raises(ClipError, match=r"0007\.jpg: 100x100"):
        list(FolderSource(folder, LIMITS).frames())


def test_a_file_that_only_claims_to_be_an_image_is_named(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "f", images=30)
    (folder / "0007.jpg").write_bytes(b"\xff\xd8 nonsense \xff\xd9")
    with pytest.raises(ClipError, match=r"0007\.jpg: not an image"):
        list(FolderSource(folder, LIMITS).frames())
