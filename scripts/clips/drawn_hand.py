"""A drawn hand with its forearm, in which MediaPipe finds the landmarks of a hand. The same pixels every time."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

__all__ = ["BACKGROUND", "PALM", "DrawnHand", "right_hand"]

PALM = (160.0, 298.0)
"""The middle of the palm, in pixels from the left and from the top."""

BACKGROUND = (70, 90, 110)

_SIZE = (320, 680)
_UNIT = 38.4
_SKIN, _EDGE = (224, 172, 138), (161, 123, 99)

Colour = tuple[int, int, int] | int
Point = tuple[float, float]

_FINGERS: tuple[tuple[Point, Point, float, float], ...] = (
    ((-0.85, -1.0), (-1.45, -3.1), 0.31, 0.24),  # the little one
    ((-0.3, -1.2), (-0.5, -3.9), 0.34, 0.26),
    ((0.3, -1.2), (0.4, -4.1), 0.35, 0.26),
    ((0.85, -1.0), (1.25, -3.7), 0.32, 0.25),
    ((0.7, 0.7), (2.3, -1.0), 0.5, 0.33),  # the thumb
)
"""Start, end, and the radius at each, in units from the middle of the palm."""


class DrawnHand(NamedTuple):
    """``pixels``: uint8 (680, 320, 3), RGB on `BACKGROUND`. ``coverage``: uint8 (680, 320), 255 where the hand is."""

    pixels: np.ndarray[Any, np.dtype[np.uint8]]
    coverage: np.ndarray[Any, np.dtype[np.uint8]]


@cache
def right_hand() -> DrawnHand:
    """A right hand: fingers up, its palm to the camera, so that its thumb points to the picture's right."""
    picture = _drawing(Image.new("RGB", _SIZE, BACKGROUND), _SKIN, _EDGE)
    shape = _drawing(Image.new("L", _SIZE, 0), 255, 255)
    return DrawnHand(np.asarray(picture, np.uint8), np.asarray(shape, np.uint8))


def _drawing(image: Image.Image, skin: Colour, edge: Colour) -> Image.Image:
    pen = ImageDraw.Draw(image)
    _limb(pen, (0, 9), (0, 4.2), 1.1, 0.95, skin)
    _limb(pen, (0, 4.2), (0, 1.2), 0.95, 0.85, skin)
    pen.rounded_rectangle((*_at(-1.15, -1.3), *_at(1.15, 1.5)), radius=0.8 * _UNIT, fill=skin)
    for start, end, thick, thin in _FINGERS:
        _limb(pen, start, end, thick + 0.05, thin + 0.05, edge)
        _limb(pen, start, end, thick, thin, skin)
    pen.arc((*_at(-0.2, -0.9), *_at(2.0, 1.8)), 120, 240, fill=edge, width=3)
    pen.arc((*_at(-1.6, -1.6), *_at(1.2, 0.2)), 20, 110, fill=edge, width=3)
    return image.filter(ImageFilter.GaussianBlur(2))


def _at(x: float, y: float) -> Point:
    return PALM[0] + x * _UNIT, PALM[1] + y * _UNIT


def _limb(pen: ImageDraw.ImageDraw, start: Point, end: Point, thick: float, thin: float, fill: Colour) -> None:
    for share in np.linspace(0, 1, 60).tolist():
        x, y = _at(start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
        radius = _UNIT * (thick + share * (thin - thick))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
