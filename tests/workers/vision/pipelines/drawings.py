"""Drawn hands, the same every time, in which MediaPipe finds landmarks."""

from __future__ import annotations

from typing import cast

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFilter, ImageOps

from workers.vision.pipelines.base import Image

__all__ = ["left_hand", "right_hand", "two_hands"]

SIZE = (320, 480)
UNIT = 38.4
CENTRE = (160.0, 298.0)
SKIN, EDGE, BACKGROUND = (224, 172, 138), (161, 123, 99), (70, 90, 110)

Point = tuple[float, float]

FINGERS: tuple[tuple[Point, Point, float, float], ...] = (
    ((-0.85, -1.0), (-1.45, -3.1), 0.31, 0.24),  # the little one
    ((-0.3, -1.2), (-0.5, -3.9), 0.34, 0.26),
    ((0.3, -1.2), (0.4, -4.1), 0.35, 0.26),
    ((0.85, -1.0), (1.25, -3.7), 0.32, 0.25),
    ((0.7, 0.7), (2.3, -1.0), 0.5, 0.33),  # the thumb
)
"""Start, end, and the radius at each, in units from the middle of the palm."""


def right_hand() -> Image:
    """A right hand: fingers up, its palm to the camera, so that its thumb points to the picture's right."""
    return _pixels(_drawing())


def left_hand() -> Image:
    """The left hand of the same person: the right hand mirrored."""
    return _pixels(ImageOps.mirror(_drawing()))


def two_hands() -> Image:
    """Both hands of a person who faces the camera: the right one is on the picture's left. Shape (480, 640, 3)."""
    return np.concatenate([right_hand(), left_hand()], axis=1)


def _drawing() -> Pictures.Image:
    drawing = Pictures.new("RGB", SIZE, BACKGROUND)
    pen = ImageDraw.Draw(drawing)
    _limb(pen, (0, 4.2), (0, 1.2), 0.95, 0.85)
    pen.rounded_rectangle((*_at(-1.15, -1.3), *_at(1.15, 1.5)), radius=0.8 * UNIT, fill=SKIN)
    for start, end, thick, thin in FINGERS:
        _limb(pen, start, end, thick + 0.05, thin + 0.05, EDGE)
        _limb(pen, start, end, thick, thin)
    pen.arc((*_at(-0.2, -0.9), *_at(2.0, 1.8)), 120, 240, fill=EDGE, width=3)
    pen.arc((*_at(-1.6, -1.6), *_at(1.2, 0.2)), 20, 110, fill=EDGE, width=3)
    return drawing.filter(ImageFilter.GaussianBlur(2))


def _at(x: float, y: float) -> Point:
    return CENTRE[0] + x * UNIT, CENTRE[1] + y * UNIT


def _limb(
    pen: ImageDraw.ImageDraw, start: Point, end: Point, thick: float, thin: float, fill: tuple[int, int, int] = SKIN
) -> None:
    for share in np.linspace(0, 1, 60).tolist():
        x, y = _at(start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
        radius = UNIT * (thick + share * (thin - thick))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _pixels(picture: Pictures.Image) -> Image:
    return cast(Image, np.ascontiguousarray(np.asarray(picture)))
