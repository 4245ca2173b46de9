"""Videos that may be hostile: which are opened and decoded, and the code of each refusal."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from tests.support.clips import encoded, grey_video
from workers.vision import video as video_module
from workers.vision.video import Video

LIMITS = CaptureLimits()


def opened(data: bytes) -> Video:
    return Video(lambda: io.BytesIO(data), LIMITS)


def code_of(data: bytes) -> str:
    """The code of the refusal; empty if the video is accepted."""
    try:
        for picture in opened(data).pictures():
            picture.image()
    except VideoError as error:
        return error.code
    return ""


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
def test_a_video_gives_the_same_pictures_each_time(container: str) -> None:
    video = opened(grey_video(60, 30, container=container))
    assert (video.width, video.height, video.fps_target, video.expected_frames) == (64, 48, 15, 30)
    first = [(picture.offset_ms, picture.image().tobytes()) for picture in video.pictures()]
    assert len(first) == 30 and video.end_ms in (2000, 2001)  # Matroska counts whole milliseconds
    assert [(picture.offset_ms, picture.image().tobytes()) for picture in video.pictures()] == first


def test_a_fragmented_video_is_read_without_its_length() -> None:
    pictures = [np.full((48, 64, 3), 100, np.uint8)] * 60
    video = opened(encoded(pictures, 30, movflags="frag_keyframe+empty_moov"))
    assert len(list(video.pictures())) == 30


def sound_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


def many_streams() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        streams = [output.add_stream("mpeg4", rate=15) for _ in range(40)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        for stream in streams:
            output.mux(stream.encode(frame))
            output.mux(stream.encode())
    return file.getvalue()


def good() -> bytes:
    return grey_video(60, 30)


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not_a_video"),
    "text": (lambda: b"hello, this is no video", "not_a_video"),
    "an image": (lambda: PNG, "not_a_video"),
    "a container that is not accepted": (lambda: grey_video(60, 30, container="avi"), "not_a_video"),
    "sound without a picture": (sound_only, "no_frames"),
    "the index at the end is cut off": (lambda: good()[: len(good()) // 2], "not_a_video"),
    "one frame": (lambda: grey_video(1), "limit_duration_too_short"),
    "too long": (lambda: grey_video(122, 1), "limit_duration_exceeded"),
    "forty streams, of which the reader examines some": (many_streams, "limit_duration_too_short"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_video_that_cannot_be_a_capture_has_its_code(name: str) -> None:
    make, code = HOSTILE[name]
    assert code_of(make()) == code


def test_a_video_that_ends_before_it_should_is_damaged() -> None:
    long = encoded([np.full((48, 64, 3), index, np.uint8) for index in range(150)], 15, "matroska")
    assert code_of(long[: len(long) * 2 // 3]) == "video_damaged"


def test_a_picture_larger_than_any_camera_s_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_module, "MAX_PIXELS", 64 * 48 - 1)
    assert code_of(good()) in ("limit_resolution_exceeded", "video_damaged")  # by its header, or by its decoder


def test_a_decoder_that_is_not_listed_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_module, "DECODERS", "h264,hevc")
    assert code_of(good()) in ("not_a_video", "video_damaged")


def test_no_video_makes_the_reader_open_a_file_or_an_address(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(good())
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/video.mp4"
        scripts = [
            template.format(target=target).encode()
            for target in (secret, f"file:{secret}", url)
            for template in (
                "ffconcat version 1.0\nfile '{target}'\n",
                "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
                '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
                "<Representation><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
            )
        ]
        assert {code_of(script) for script in scripts} == {"not_a_video"}
        with pytest.raises(TimeoutError):
            server.accept()


def test_random_damage_ends_in_a_capture_or_a_code() -> None:
    random = np.random.default_rng(6)
    codes = set()
    for _ in range(60):
        data = np.frombuffer(good(), np.uint8).copy()
        places = random.integers(0, len(data), 12)
        data[places] = random.integers(0, 256, 12)
        codes.add(code_of(data.tobytes()))
    assert len(codes) > 2
