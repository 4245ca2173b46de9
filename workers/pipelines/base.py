"""What a pipeline is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from contracts.layout import Part

__all__ = ["Image", "Landmarks", "Pipeline", "PipelineFactory"]

Image = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), C-contiguous."""

Landmarks = Mapping[Part, npt.NDArray[np.float32]]
"""Shape (landmarks, coordinates) by part, as `contracts.layout` has them; a part not found is absent."""


class Pipeline(Protocol):
    """Finds landmarks in the frames of one video, in order.

    It tracks: what it finds depends on the frames before. One pipeline serves one thread.
    """

    def process(self, image: Image) -> Landmarks:
        """The landmarks in the next frame."""
        ...

    def reset(self) -> None:
        """Forget every frame so far: what follows is as if the pipeline were new."""
        ...

    def close(self) -> None:
        """Free what it holds; nothing may be called after it."""
        ...


PipelineFactory = Callable[[], Pipeline]
"""Makes a fresh pipeline: one for every capture, and for every takeover."""
