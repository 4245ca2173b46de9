"""Pictures of drawn hands alone, in which MediaPipe finds landmarks."""

from __future__ import annotations

import numpy as np

from scripts.clips import drawn_hand
from workers.vision.pipelines.base import Image

__all__ = ["left_hand", "right_hand", "two_hands"]


def right_hand() -> Image:
    """A right hand: fingers up, its palm to the camera, so that its thumb points to the right. Shape (480, 320, 3)."""
    return drawn_hand.right_hand().pixels[:480]


def left_hand() -> Image:
    """The left hand of the same person: the right hand mirrored."""
    return np.ascontiguousarray(right_hand()[:, ::-1])


def two_hands() -> Image:
    """Both hands of a person who faces the camera: the right one is on the picture's left. Shape (480, 640, 3)."""
    return np.concatenate([right_hand(), left_hand()], axis=1)
