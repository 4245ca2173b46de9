"""A decoder's work for a JPEG, and the padding that cameras append."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from contracts.rules.errors import InvalidJpeg
from contracts.rules.jpeg import (
    MAX_PADDING_BYTES,
    MAX_SAMPLES,
    MAX_SCANS,
    check_scans,
    has_jpeg_end,
    jpeg_header,
    taken_header,
)
from tests.attack.jpegs import EOI, SOS, before_scan, patched_header, picture, segment, with_scans
from tests.support.messages import jpeg as small

GREY, COLOUR = {"mode": "L"}, {"mode": "RGB"}


def samples(jpeg: bytes) -> int:
    return check_scans(jpeg, jpeg_header(jpeg))


def cmyk(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("CMYK", (width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("jpeg", "expected"),
    [
        (picture(64, 48, mode="L"), 64 * 48),
        (picture(64, 48, subsampling=0), 3 * 64 * 48),
        (picture(64, 48, subsampling=2), 64 * 48 * 3 // 2),
        (picture(63, 47, mode="L"), 64 * 48),
        (picture(64, 48, subsampling=2) + picture(64, 48), 64 * 48 * 3 // 2),
    ],
    ids=["grey", "4:4:4", "4:2:0", "padded to blocks", "one scan, whatever follows"],
)
def test_a_baseline_picture_costs_its_samples_once(jpeg: bytes, expected: int) -> None:
    assert samples(jpeg) == expected


def test_each_scan_costs_the_samples_of_its_own_components() -> None:
    # libjpeg's ten scans: two of all components, four of the first, two of each other one
    assert samples(picture(64, 48, progressive=True, subsampling=0)) == (2 * 3 + 4 + 2 * 2) * 64 * 48
    assert samples(picture(64, 48, progressive=True, subsampling=2)) == (3 + 4 + 1) * 64 * 48


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (2560, 1440)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_pictures_of_real_encoders_are_within_the_bound(size: tuple[int, int], subsampling: int) -> None:
    assert samples(picture(*size, progressive=True, subsampling=subsampling)) <= MAX_SAMPLES


def test_the_largest_picture_read_once_is_within_the_bound() -> None:
    assert samples(cmyk(4096, 4096)) == MAX_SAMPLES


@pytest.mark.parametrize(
    "make",
    [
        lambda: with_scans(picture(64, 48, progressive=True), MAX_SCANS + 1),
        lambda: with_scans(picture(64, 48, progressive=True, subsampling=0), 24, max),
        lambda: with_scans(picture(4096, 4096, mode="L", progressive=True), 16),
        lambda: with_scans(picture(4096, 4096, progressive=True, subsampling=2), 16),
        lambda: with_scans(picture(1920, 1080, progressive=True, subsampling=0), 64),
    ],
    ids=["scans", "samples a pixel", "samples, grey", "samples, sampled", "an ordinary size"],
)
def test_a_picture_over_the_bound_is_refused(make: Callable[[], bytes]) -> None:
    jpeg = make()  # not at the import, which every process of a run does
    with pytest.raises(InvalidJpeg, match="too many scans"):
        samples(jpeg)


def test_a_baseline_picture_of_several_scans_is_counted_too() -> None:
    """Its first scan does not hold all components, so a decoder goes on until the end."""
    one = picture(64, 48, subsampling=0)
    at = one.index(SOS)
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\0"
    with pytest.raises(InvalidJpeg, match="too many scans"):
        samples(one[:at] + scan * 40 + EOI)


def test_a_scan_that_a_segment_hides_is_counted() -> None:
    one = picture(64, 48, progressive=True)
    hidden = with_scans(one[:-2] + segment(0xFE, EOI) + EOI, MAX_SCANS + 1)
    with pytest.raises(InvalidJpeg, match="too many scans"):
        samples(hidden)


@pytest.mark.parametrize("at", range(2, 30))
def test_a_header_cut_at_any_byte_is_a_jpeg_error(at: int) -> None:
    one = picture(64, 48)
    with pytest.raises(InvalidJpeg):
        jpeg_header(one[: one.index(b"\xff\xc0") + at] + EOI)


@pytest.mark.parametrize("new", [b"\0", b"\5", b"\xff"])
def test_an_impossible_number_of_components_is_a_jpeg_error(new: bytes) -> None:
    with pytest.raises(InvalidJpeg):
        jpeg_header(patched_header(picture(64, 48), 9, new))


def test_a_second_header_is_a_jpeg_error() -> None:
    one = picture(64, 48)
    with pytest.raises(InvalidJpeg):
        jpeg_header(before_scan(one, one[one.index(b"\xff\xc0") : one.index(b"\xff\xc4")]))


PADDING = [
    b"\0",
    b"\0\0\0",  # a Raspberry Pi's camera
    b"\r\n",  # a part of multipart/x-mixed-replace
    b"\0\r\n\0",
    b"\0" * MAX_PADDING_BYTES,  # V4L2: to a page
    b"\xff\xd9",  # EOI twice
    b"\xff\xd9\0\0",
]


@pytest.mark.parametrize("padding", PADDING, ids=lambda padding: f"{padding[:4].hex()}, {len(padding)} bytes")
def test_a_frame_may_be_padded_behind_its_end(padding: bytes) -> None:
    for payload in (small(), small(progressive=True)):
        assert taken_header(payload + padding) == taken_header(payload)


def test_a_second_picture_after_the_first_is_not_read_padded_or_not() -> None:
    for padding in (b"", b"\0\0"):
        header = taken_header(small() + small(32, 32) + padding)
        assert (header.width, header.height) == (64, 48)


@pytest.mark.parametrize(
    "tail",
    [b"\0" * (MAX_PADDING_BYTES + 1), b" ", b"\t", b"\n--frame", b"\xff", b"\0\xff\xd8", b"\xff" * 8, b"tail"],
    ids=["one byte too many", "a space", "a tab", "a boundary", "fill", "SOI", "fill bytes", "text"],
)
def test_no_other_bytes_may_follow_the_end(tail: bytes) -> None:
    with pytest.raises(InvalidJpeg, match="does not end with EOI"):
        taken_header(small() + tail)


@pytest.mark.parametrize(
    "payload", [b"", b"\0" * 5000, b"\xd9", b"\xd9\0\0", small()[:-2] + b"\0\0", small()[:-1] + b"\0"]
)
def test_padding_without_an_end_marker_is_refused(payload: bytes) -> None:
    assert not has_jpeg_end(payload)


def test_extended_sequential_is_neither_baseline_nor_progressive() -> None:
    payload = bytearray(small())
    payload[payload.index(b"\xff\xc0") + 1] = 0xC1
    with pytest.raises(InvalidJpeg, match="neither baseline nor progressive"):
        taken_header(bytes(payload))
