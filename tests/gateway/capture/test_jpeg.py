"""Which bytes the gateway accepts as a JPEG."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from contracts.rules.errors import CaptureError
from contracts.rules.limits import CaptureLimits
from gateway.capture.jpeg import check_jpeg
from tests.support.messages import jpeg

LIMITS = CaptureLimits()


def refused(payload: bytes, width: int = 64, height: int = 48) -> str:
    with pytest.raises(CaptureError) as caught:
        check_jpeg(payload, width, height, LIMITS)
    return caught.value.code


def save(mode: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (64, 48)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "payload",
    [jpeg(), jpeg(progressive=True), save("L"), save("RGB", optimize=True), save("RGB", comment=b"x" * 5000)],
    ids=["baseline", "progressive", "grey", "optimised", "comment"],
)
def test_baseline_and_progressive_jpegs_are_valid(payload: bytes) -> None:
    check_jpeg(payload, 64, 48, LIMITS)


def test_a_jpeg_with_a_known_header_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = jpeg(), jpeg(seed=1)
    known = check_jpeg(first, 64, 48, LIMITS)
    assert first != second and known and first.startswith(known) and second.startswith(known)
    monkeypatch.setattr("gateway.capture.jpeg.checked_header", None)
    assert check_jpeg(second, 64, 48, LIMITS, known) == known
    with pytest.raises(TypeError):
        check_jpeg(second, 64, 48, LIMITS)


def test_a_jpeg_with_another_header_or_no_end_is_parsed() -> None:
    known = check_jpeg(jpeg(), 64, 48, LIMITS)
    for payload in (jpeg()[:-2], jpeg() + b"\0tail", jpeg() + bytes(4097), known, jpeg(48, 64), b""):
        with pytest.raises(CaptureError):
            check_jpeg(payload, 64, 48, LIMITS, known)
    assert check_jpeg(jpeg(progressive=True), 64, 48, LIMITS, known) == b"", "its scans are counted each time"


def test_a_long_header_is_not_remembered() -> None:
    assert check_jpeg(save("RGB", comment=b"x" * 5000), 64, 48, LIMITS) == b""


def with_frame_header(marker: int) -> bytes:
    payload = bytearray(jpeg())
    at = payload.index(b"\xff\xc0")
    payload[at + 1] = marker
    return bytes(payload)


@pytest.mark.parametrize("marker", [0xC1, 0xC3, 0xC5, 0xC9, 0xCA, 0xCB, 0xCF])
def test_other_coding_processes_are_refused(marker: int) -> None:
    assert refused(with_frame_header(marker)) == "invalid_frame"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"\x00\x00" + jpeg()[2:],
        b"\xff" + jpeg()[2:],
        jpeg()[1:],
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xff\xff\xd9",
        b"\xff\xd8" + b"\xff\xe0\x00\x01" + b"\xff\xd9",
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 5000 + jpeg()[2:],
        b"\xff\xd8\xff\xda\x00\x02\xff\xd9",
        b"\xff\xd8\xff\xc0\x00\x02\xff\xd9",
        jpeg()[:200] + b"\xff\xd9",
        b"\xff\xd8" + bytes(10_000) + b"\xff\xd9",
    ],
)
def test_bytes_without_a_readable_header_are_refused(payload: bytes) -> None:
    assert refused(payload) == "invalid_frame"


def test_a_payload_that_goes_on_after_eoi_is_refused() -> None:
    assert refused(jpeg() + b"tail") == "invalid_frame"
    assert refused(jpeg() + bytes(4097)) == "invalid_frame"


@pytest.mark.parametrize("padding", [b"\0", bytes(3), b"\r\n", bytes(4096)])
def test_padding_after_eoi_is_valid_whether_the_header_is_new_or_known(padding: bytes) -> None:
    known = check_jpeg(jpeg() + padding, 64, 48, LIMITS)
    assert known == check_jpeg(jpeg(), 64, 48, LIMITS)
    assert check_jpeg(jpeg(seed=1) + padding, 64, 48, LIMITS, known) == known


def test_a_png_and_a_tiff_are_refused() -> None:
    for kind in ("PNG", "TIFF"):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48)).save(buffer, kind)
        assert refused(buffer.getvalue()) == "invalid_frame"


def test_the_declared_size_must_be_that_of_the_header() -> None:
    assert refused(jpeg(), 48, 64) == "invalid_frame"
    assert refused(jpeg(), 64, 47) == "invalid_frame"


def test_the_resolution_limit_holds_for_the_header_too() -> None:
    assert refused(jpeg(656, 480), 640, 480) == "limit_resolution_exceeded"
    assert refused(jpeg(656, 480), 656, 480) == "limit_resolution_exceeded"


def test_no_error_text_holds_a_byte_of_the_image() -> None:
    with pytest.raises(CaptureError) as caught:
        check_jpeg(b"secret pixels", 64, 48, LIMITS)
    assert "secret" not in str(caught.value)
