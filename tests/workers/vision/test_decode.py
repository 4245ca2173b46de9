from __future__ import annotations

import io
import random

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from contracts.rules import jpeg as jpeg_module
from tests.support.clips import face_clip
from tests.workers.broker_capture import grey_jpeg
from workers.vision import decode
from workers.vision.decode import decode_jpeg, decode_scaled

JPEG = face_clip(1, 64, 48)[0]


def encoded(mode: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(simplejpeg.decode_jpeg(JPEG)).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def gradient(width: int, height: int) -> bytes:
    rows, columns = np.indices((height, width))
    return bytes(simplejpeg.encode_jpeg(np.stack([rows % 256, columns % 256, (rows + columns) % 256], 2).astype("u1")))


def test_the_pixels_are_those_of_the_bare_decoder() -> None:
    image = decode_jpeg(JPEG, 64, 48)
    assert image is not None
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, simplejpeg.decode_jpeg(JPEG))


@pytest.mark.parametrize("jpeg", [encoded("L"), encoded("CMYK"), encoded("RGB", progressive=True)])
def test_every_kind_of_jpeg_becomes_rgb(jpeg: bytes) -> None:
    image = decode_jpeg(jpeg, 64, 48)
    assert image is not None
    assert image.shape == (48, 64, 3)


@pytest.mark.parametrize("width, height", [(48, 64), (64, 47), (63, 48), (640, 480)])
def test_another_size_than_declared_is_not_decoded(width: int, height: int) -> None:
    assert decode_jpeg(JPEG, width, height) is None


@pytest.mark.parametrize(
    "jpeg",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        b"not a picture",
        JPEG[: len(JPEG) // 2],
        JPEG[: len(JPEG) // 2] + b"\xff\xd9",
        b"\x89PNG\r\n\x1a\n" + JPEG,
    ],
    ids=["empty", "markers alone", "text", "cut", "cut with an end", "another format"],
)
def test_a_jpeg_that_cannot_be_decoded_is_none(jpeg: bytes) -> None:
    assert decode_jpeg(jpeg, 64, 48) is None


def test_a_header_that_claims_a_huge_picture_is_not_decoded() -> None:
    at = JPEG.index(b"\xff\xc0") + 5
    assert decode_jpeg(JPEG[:at] + b"\xff\xff\xff\xff" + JPEG[at + 4 :], 64, 48) is None


def test_a_picture_of_too_many_scans_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    progressive = encoded("RGB", progressive=True)
    scans = progressive.count(b"\xff\xda")
    assert 1 < scans <= jpeg_module.MAX_SCANS / 4, "what real encoders make is far from the bound"
    monkeypatch.setattr(jpeg_module, "MAX_SCANS", scans)
    assert decode_jpeg(progressive, 64, 48) is not None
    monkeypatch.setattr(jpeg_module, "MAX_SCANS", scans - 1)
    assert decode_jpeg(progressive, 64, 48) is None


# --- of any size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (640, 480), (1278, 958), (1280, 720), (720, 1280)])
def test_a_live_frame_that_is_not_far_too_big_has_the_pixels_of_the_bare_decoder(size: tuple[int, int]) -> None:
    jpeg = gradient(*size)
    assert np.array_equal(decode_scaled(jpeg), simplejpeg.decode_jpeg(jpeg))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "shape"),
    [((1280, 960), (480, 640, 3)), ((1920, 1080), (540, 960, 3)), ((3840, 2160), (540, 960, 3))],
)
def test_a_live_frame_that_is_far_too_big_is_halved_on_the_way(
    size: tuple[int, int], shape: tuple[int, int, int]
) -> None:
    image = decode_scaled(grey_jpeg(9, *size))
    assert image is not None
    assert image.shape == shape


@pytest.mark.parametrize("jpeg", [b"", b"\xff\xd8\xff\xd9", b"not a picture", JPEG[: len(JPEG) // 2] + b"\xff\xd9"])
def test_a_live_frame_that_cannot_be_decoded_is_none(jpeg: bytes) -> None:
    assert decode_scaled(jpeg) is None


def test_a_live_frame_that_claims_a_long_side_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    at = JPEG.index(b"\xff\xc0") + 5
    assert decode_scaled(JPEG[:at] + b"\xff\xff\xff\xff" + JPEG[at + 4 :]) is None
    monkeypatch.setattr(decode, "LIVE_MAX_SIDE", 64)
    assert decode_scaled(JPEG) is not None
    monkeypatch.setattr(decode, "LIVE_MAX_SIDE", 63)
    assert decode_scaled(JPEG) is None


@pytest.mark.parametrize("size", [(32767, 2), (2, 32767), (4097, 1)])
def test_a_live_frame_with_a_long_side_is_not_decoded_however_few_pixels_it_has(size: tuple[int, int]) -> None:
    assert decode_scaled(grey_jpeg(9, *size)) is None


def test_a_live_frame_of_too_many_scans_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_module, "MAX_SCANS", 1)
    assert decode_scaled(JPEG) is not None
    assert decode_scaled(encoded("RGB", progressive=True)) is None


def test_no_damage_raises() -> None:
    rng = random.Random(7)
    for original in (JPEG, encoded("RGB", progressive=True)):
        for _ in range(500):
            damaged = bytearray(original)
            for _ in range(rng.randint(1, 12)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            image = decode_jpeg(bytes(damaged), 64, 48)
            assert image is None or image.shape == (48, 64, 3)
            image = decode_scaled(bytes(damaged))
            assert image is None or image.shape[2] == 3
