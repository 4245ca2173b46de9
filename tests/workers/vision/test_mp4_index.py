"""An index that claims more than a video can have is refused before FFmpeg reads it."""

from __future__ import annotations

import io
import random
import struct

import pytest

from contracts.rules.errors import VideoError
from tests.attack.videos import GOOD, HOSTILE_INDEXES, SOUND, box
from tests.support.clips import grey_video
from workers.vision import mp4_index
from workers.vision.mp4_index import check_index


def checked(data: bytes) -> str:
    file = io.BytesIO(data)
    try:
        check_index(file, len(data))
    except VideoError as error:
        return error.code
    assert file.tell() == 0
    return ""


@pytest.mark.parametrize("name", HOSTILE_INDEXES)
def test_an_index_that_claims_too_much_is_refused_with_its_code(name: str) -> None:
    data, code = HOSTILE_INDEXES[name]
    assert checked(data) == code


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "avi"])
def test_an_index_that_a_real_program_wrote_passes(container: str) -> None:
    assert checked(grey_video(60, 30, container=container)) == ""


def test_uncompressed_sound_passes() -> None:
    assert checked(SOUND) == ""


@pytest.mark.parametrize("data", [b"", b"\0", b"no video", bytes(64), struct.pack(">I4s", 1, b"moov")])
def test_a_file_without_an_index_is_left_to_ffmpeg(data: bytes) -> None:
    assert checked(data) == ""


def test_the_number_of_boxes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp4_index, "MAX_BOXES", 1000)
    assert checked(GOOD + box(b"free") * 500) == ""
    assert checked(GOOD + box(b"free") * 1000) == "limit_frame_count_exceeded"


def test_damage_raises_no_error_but_the_declared_one() -> None:
    rng = random.Random(5)
    for _ in range(400):
        data = bytearray(GOOD)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
        checked(bytes(data))
