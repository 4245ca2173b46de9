"""Clips for tests: JPEG frames with a real face in them, the same ones every time."""

from __future__ import annotations

import math
from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
import simplejpeg
from matplotlib.cbook import get_sample_data
from PIL import Image


@cache
def _portrait() -> Image.Image:
    with get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


def face_clip(frames: int, width: int = 640, height: int = 480) -> list[bytes]:
    """``frames`` JPEGs of a camera that pans and zooms slowly over a portrait; a pose and a face are in each."""
    return [simplejpeg.encode_jpeg(_view(index, width, height), quality=85) for index in range(frames)]


def _view(index: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    portrait = _portrait()
    angle = 2 * math.pi * index / 45
    zoom = 0.9 + 0.1 * math.cos(angle)
    shown_width = portrait.width * zoom
    shown_height = shown_width * height / width
    left = (portrait.width - shown_width) * (0.5 + 0.5 * math.sin(angle))
    top = 20 + 15 * math.sin(angle)
    box = (left, top, left + shown_width, top + shown_height)
    view = portrait.resize((width, height), Image.Resampling.BILINEAR, box=box)
    return cast(npt.NDArray[np.uint8], np.ascontiguousarray(np.asarray(view)))
