"""MediaPipe Holistic: pose, both hands and face of one person. Importing this module loads MediaPipe."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from mediapipe.python.solutions.holistic import Holistic

from contracts.layout import LAYOUT, PartLayout
from workers.pipelines.base import Image, Landmarks

__all__ = ["HolisticPipeline"]


class HolisticPipeline:
    """MediaPipe Holistic in video mode with its defaults, the one model complexity that its wheel carries."""

    def __init__(self) -> None:
        self._graph: Any = Holistic(static_image_mode=False, model_complexity=1)

    def process(self, image: Image) -> Landmarks:
        """The landmarks in the next frame, bit for bit as MediaPipe gives them.

        Raises:
            RuntimeError: the graph failed; it is of no more use.
        """
        results = self._graph.process(image)
        found = ((part, getattr(results, f"{part.name}_landmarks")) for part in LAYOUT)
        return {part.name: _coordinates(part, landmarks) for part, landmarks in found if landmarks is not None}

    def reset(self) -> None:
        """Forget every frame so far."""
        self._graph.reset()

    def close(self) -> None:
        """Stop the graph and its threads."""
        self._graph.close()


def _coordinates(part: PartLayout, landmarks: Any) -> npt.NDArray[np.float32]:
    # the protobuf's floats are 32 bits wide: nothing is lost on the way through Python's
    return np.array(
        [[getattr(landmark, name) for name in part.coordinates] for landmark in landmarks.landmark], dtype=np.float32
    )
