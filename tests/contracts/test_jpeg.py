"""How much work a decoder has with a JPEG."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from contracts.errors import InvalidJpeg
from contracts.jpeg import MAX_SAMPLES, MAX_SCANS, check_scans, jpeg_header
from tests.attack.jpegs import EOI, SOS, before_scan, patched_header, picture, segment, with_scans

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
    # libjpeg's ten scans: twice all components, four times the first one, twice each of the two others
    assert samples(picture(64, 48, progressive=True, subsampling=0)) == (2 * 3 + 4 + 2 * 2) * 64 * 48
    assert samples(picture(64, 48, progressive=True, subsampling=2)) == (3 + 4 + 1) * 64 * 48


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080), (2560, 1440)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_what_honest_encoders_make_is_within_the_bound(size: tuple[int, int], subsampling: int) -> None:
    assert samples(picture(*size, progressive=True, subsampling=subsampling)) <= MAX_SAMPLES


def test_the_largest_picture_read_once_is_within_the_bound() -> None:
    assert samples(cmyk(4096, 4096)) == MAX_SAMPLES


@pytest.mark.parametrize(
    "jpeg",
    [
        with_scans(picture(64, 48, progressive=True), MAX_SCANS + 1),
        with_scans(picture(64, 48, progressive=True, subsampling=0), 24, max),
        with_scans(picture(4096, 4096, mode="L", progressive=True), 16),
        with_scans(picture(4096, 4096, progressive=True, subsampling=2), 16),
        with_scans(picture(1920, 1080, progressive=True, subsampling=0), 64),
    ],
    ids=["scans", "samples a pixel", "samples, grey", "samples, sampled", "an ordinary size"],
)
def test_more_than_that_is_refused(jpeg: bytes) -> None:
    with pytest.raises(InvalidJpeg, match="so many scans"):
        samples(jpeg)


def test_a_baseline_picture_of_several_scans_is_counted_too() -> None:
    """Its first scan does not hold all components, so a decoder goes on until the end."""
    one = picture(64, 48, subsampling=0)
    at = one.index(SOS)
    scan = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\0"
    with pytest.raises(InvalidJpeg, match="so many scans"):
        samples(one[:at] + scan * 40 + EOI)


def test_a_scan_that_a_segment_hides_is_counted() -> None:
    one = picture(64, 48, progressive=True)
    hidden = with_scans(one[:-2] + segment(0xFE, EOI) + EOI, MAX_SCANS + 1)
    with pytest.raises(InvalidJpeg, match="so many scans"):
        samples(hidden)


@pytest.mark.parametrize("at", range(2, 30))
def test_a_header_that_is_cut_anywhere_is_our_error(at: int) -> None:
    one = picture(64, 48)
    with pytest.raises(InvalidJpeg):
        jpeg_header(one[: one.index(b"\xff\xc0") + at] + EOI)


@pytest.mark.parametrize("new", [b"\0", b"\5", b"\xff"])
def test_a_number_of_components_that_cannot_be_is_our_error(new: bytes) -> None:
    with pytest.raises(InvalidJpeg):
        jpeg_header(patched_header(picture(64, 48), 9, new))


def test_a_second_header_is_our_error() -> None:
    one = picture(64, 48)
    with pytest.raises(InvalidJpeg):
        jpeg_header(before_scan(one, one[one.index(b"\xff\xc0") : one.index(b"\xff\xc4")]))
