"""Move, turn and scale a picture into a frame.

Pillow does it, not OpenCV: OpenCV 5 gives other pixels than OpenCV 4, and with them another hash of the demo's clip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

__all__ = ["Affine", "Pixels", "warped"]

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Affine = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
"""A map (2, 3) or (3, 3) from a layer's pixels to those of the frame."""


def warped(layer: Pixels, to_frame: Affine, size: tuple[int, int], outside: int | tuple[int, int, int]) -> Pixels:
    """Draw a layer into a frame, with linear interpolation.

    Args:
        layer: (height, width) or (height, width, 3).
        to_frame: where the layer's pixels come to lie.
        size: the frame's width and height.
        outside: the value of the pixels that the layer does not reach.
    """
    (a, b, c), (d, e, f) = to_frame[:2].tolist()
    scale = a * e - b * d
    back = (e / scale, -b / scale, (b * f - c * e) / scale, -d / scale, a / scale, (c * d - a * f) / scale)
    # the map is of the pixels' middles, and Pillow's of their corners
    corners = [back[at] if at % 3 < 2 else 0.5 + back[at] - (back[at - 2] + back[at - 1]) / 2 for at in range(6)]
    frame = Image.fromarray(layer).transform(
        size, Image.Transform.AFFINE, corners, Image.Resampling.BILINEAR, fillcolor=outside
    )
    return np.array(frame)
