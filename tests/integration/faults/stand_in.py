"""A stand-in for MediaPipe that tracks as it does and takes a hundredth of its processor time.

What a capture's extraction does under faults is the same with any model that tracks: a row depends on its frame and on
every frame since the model was made, so a frame that is lost, doubled, out of order, or tracked from another start than
the artifact says makes other bytes.
"""

from __future__ import annotations

import hashlib
import time
from typing import Literal

import numpy as np

from contracts.rules.landmarks import DIMS, LAYOUT
from workers.vision.pipelines.base import Findings, Image

__all__ = ["FRAME_S", "Model", "StandIn"]

Model = Literal["mediapipe", "stand_in"]

FRAME_S = 0.02
"""How long the stand-in takes for a frame, nearly all of it asleep: about as long as the model, so faults meet captures
whose extraction is as far as with MediaPipe."""


class StandIn:
    """A `workers.vision.pipelines.base.Pipeline` that finds every part in every frame; ``frame_s`` as `FRAME_S`."""

    def __init__(self, frame_s: float = FRAME_S) -> None:
        self._frame_s = frame_s
        self._seen = b""

    def process(self, image: Image) -> Findings:
        """Landmarks that are a hash of this frame and of all before it."""
        time.sleep(self._frame_s)
        self._seen = hashlib.blake2b(self._seen + image.tobytes()).digest()
        values = np.frombuffer(hashlib.shake_128(self._seen).digest(2 * DIMS), "<u2").astype(np.float32) / 65536
        found = {part.name: values[part.columns].reshape(part.landmarks, -1) for part in LAYOUT}
        return Findings(found, dict.fromkeys(found, 1.0))

    def reset(self) -> None:
        """Forget every frame so far."""
        self._seen = b""

    def close(self) -> None:
        """Free nothing."""
