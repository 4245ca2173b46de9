"""How a stored picture is turned and mirrored to stand upright, and what size it has then: rules on numbers and arrays.

A camera stores its sensor's rows as they come and says beside them how to show them: a video's display matrix, an
image's EXIF orientation. There are eight ways; four of them mirror, as front cameras do. No I/O.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from contracts.rules.limits import CaptureLimits

__all__ = ["Orientation", "display_size", "fitting_size", "size_within"]

MAX_ASPECT = 16
"""A larger ratio of a pixel's sides is an error of the file; such pixels count as square."""


class Orientation(NamedTuple):
    """Rows and columns are exchanged first, then each row is read from its end, then each column."""

    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of_matrix(cls, matrix: bytes) -> Orientation:
        """The nearest of the eight to a display matrix: nine int32 in this machine's order, as FFmpeg has them.

        The pixel (x, y) is shown at (a x + c y, b x + d y), for the matrix (a b u, c d v, x y w) of ISO/IEC 14496-12.
        An angle alone does not say whether it mirrors: the determinant a d - b c does.
        """
        a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @classmethod
    def of_angle(cls, degrees: float) -> Orientation:
        """The nearest of the four that do not mirror to a turn by ``degrees`` counterclockwise."""
        return (cls(), cls(True, False, True), cls(False, True, True), cls(True, True, False))[round(degrees / 90) % 4]

    @classmethod
    def of_exif(cls, orientation: object) -> Orientation:
        """Tag 274 of EXIF and TIFF; whatever is not one of its eight values is upright."""
        return _EXIF.get(orientation, cls()) if isinstance(orientation, int) else cls()

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture, if the stored one has these. Its own inverse."""
        return (height, width) if self.transposed else (width, height)

    def upright(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The stored picture, shape (height, width, …), as it is to be shown."""
        turned = image.swapaxes(0, 1) if self.transposed else image
        return np.ascontiguousarray(turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1])


_EXIF: dict[object, Orientation] = {
    2: Orientation(False, True, False),
    3: Orientation(False, True, True),
    4: Orientation(False, False, True),
    5: Orientation(True, False, False),
    6: Orientation(True, True, False),
    7: Orientation(True, True, True),
    8: Orientation(True, False, True),
}


def display_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """The size in square pixels of a stored picture whose pixels are ``pixel_aspect`` times as wide as high."""
    if not pixel_aspect or not Fraction(1, MAX_ASPECT) <= pixel_aspect <= MAX_ASPECT:
        return width, height
    return max(1, round(width * pixel_aspect)), height


def fitting_size(width: int, height: int, limits: CaptureLimits) -> tuple[int, int]:
    """The largest size of the same shape, no larger than the image, that the limits allow."""
    scale = min(1.0, limits.max_long_side / max(width, height), limits.max_short_side / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def size_within(width: int, height: int, box: tuple[int, int]) -> tuple[int, int]:
    """The largest size of the same shape that a picture of ``box`` (width, height) has room for."""
    scale = min(box[0] / width, box[1] / height)
    return max(1, min(box[0], round(width * scale))), max(1, min(box[1], round(height * scale)))
