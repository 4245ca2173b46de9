"""The eight ways in which a stored picture may have to be turned and mirrored."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageOps

from workers.vision.orientation import Orientation, display_size, size_within

STORED = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)

ONE = 1 << 16
MATRICES = {
    # (a, b, c, d): the pixel (x, y) is shown at (a x + c y, b x + d y)
    (1, 0, 0, 1): STORED,
    (-1, 0, 0, 1): STORED[:, ::-1],
    (-1, 0, 0, -1): STORED[::-1, ::-1],
    (1, 0, 0, -1): STORED[::-1],
    (0, 1, 1, 0): STORED.swapaxes(0, 1),
    (0, 1, -1, 0): np.rot90(STORED, -1),
    (0, -1, -1, 0): STORED.swapaxes(0, 1)[::-1, ::-1],
    (0, -1, 1, 0): np.rot90(STORED, 1),
}


def matrix(a: float, b: float, c: float, d: float) -> bytes:
    return struct.pack("=9i", *(round(one * ONE) for one in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)


@pytest.mark.parametrize("abcd", MATRICES)
def test_a_display_matrix_turns_and_mirrors(abcd: tuple[int, int, int, int]) -> None:
    orientation = Orientation.of_matrix(matrix(*abcd))
    assert np.array_equal(orientation.upright(STORED), MATRICES[abcd])
    assert orientation.size(4, 6) == MATRICES[abcd].shape[1::-1]


@pytest.mark.parametrize("abcd", MATRICES)
@pytest.mark.parametrize("degrees", [-40, -3, 3, 40])
def test_a_matrix_that_is_askew_is_the_nearest_of_the_eight(abcd: tuple[int, int, int, int], degrees: float) -> None:
    turn = np.radians(degrees)
    turned = np.array(abcd).reshape(2, 2) @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]] * 1.7
    assert Orientation.of_matrix(matrix(*turned.ravel())) == Orientation.of_matrix(matrix(*abcd))


@pytest.mark.parametrize("numbers", [[0] * 9, [-(2**31)] * 9, [2**31 - 1] * 9])
def test_no_matrix_is_an_error(numbers: list[int]) -> None:
    assert Orientation.of_matrix(struct.pack("=9i", *numbers)).upright(STORED).size == STORED.size


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientations_match_another_library(value: int) -> None:
    image = Image.fromarray(STORED)
    image.getexif()[0x0112] = value
    assert np.array_equal(Orientation.of_exif(value).upright(STORED), np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("value", [0, 9, -1, 65535, None, "6", b"6", 6.5, (6,)])
def test_an_invalid_orientation_is_upright(value: object) -> None:
    assert Orientation.of_exif(value) == Orientation()


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, -180, 89, 450])
def test_an_angle_counts_counterclockwise(degrees: int) -> None:
    assert np.array_equal(Orientation.of_angle(degrees).upright(STORED), np.rot90(STORED, round(degrees / 90)))


@pytest.mark.parametrize(
    ("size", "aspect", "shown"),
    [
        ((480, 480), Fraction(4, 3), (640, 480)),
        ((720, 576), Fraction(16, 15), (768, 576)),
        ((1440, 1080), Fraction(4, 3), (1920, 1080)),
        ((640, 480), Fraction(1, 2), (320, 480)),
        ((640, 480), Fraction(1), (640, 480)),
        ((640, 480), None, (640, 480)),
        ((640, 480), Fraction(0), (640, 480)),
        ((640, 480), Fraction(10**6, 1), (640, 480)),
        ((640, 480), Fraction(1, 10**6), (640, 480)),
        ((640, 480), Fraction(-4, 3), (640, 480)),
        ((1, 1), Fraction(1, 16), (1, 1)),
    ],
)
def test_pixels_that_are_not_square_are_shown_wider_or_narrower(
    size: tuple[int, int], aspect: Fraction | None, shown: tuple[int, int]
) -> None:
    assert display_size(*size, aspect) == shown


@pytest.mark.parametrize(
    ("size", "within"),
    [((480, 640), (360, 480)), ((320, 240), (640, 480)), ((1, 10**6), (1, 480)), ((640, 360), (640, 360))],
)
def test_another_shape_is_fitted_into_the_first_ones(size: tuple[int, int], within: tuple[int, int]) -> None:
    assert size_within(*size, (640, 480)) == within
