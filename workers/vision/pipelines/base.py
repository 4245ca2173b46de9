"""The interface of a pipeline, and its findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from contracts.messages.live import Detection
from contracts.rules.landmarks import Part

__all__ = ["Findings", "Image", "Landmarks", "PartLandmarks", "Pipeline", "PipelineFactory"]

Image = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), C-contiguous, upright and not mirrored."""

PartLandmarks = npt.NDArray[np.float32]
"""Shape (landmarks, coordinates), as `contracts.rules.landmarks` has the part; x and y come first."""

Landmarks = Mapping[Part, PartLandmarks]
"""The parts that were found; any other is absent."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a pipeline found in one frame.

    Attributes:
        landmarks: of each part that was found, bit for bit as the model gives them.
        confidences: 0 to 1, of the same parts; each pipeline says what its number is.
    """

    landmarks: Landmarks
    confidences: Mapping[Part, float]

    @property
    def detections(self) -> list[Detection]:
        """One for each part that was found, in the same order; new arrays in every call.

        Its label is the part's name. Its box is the smallest that holds the part's landmarks, cut to the picture.
        MediaPipe also places landmarks that it infers outside the picture: the box of a part that lies wholly
        outside has no width, or no height, and lies on the edge or in the corner that is nearest to it.
        """
        return [
            Detection(label=part, confidence=self.confidences[part], box=_box(points))
            for part, points in self.landmarks.items()
        ]


class Pipeline(Protocol):
    """Finds parts of one person in the frames of one video, in order.

    It tracks: what it finds depends on the frames before. One pipeline serves one thread.
    """

    def process(self, image: Image) -> Findings:
        """What is in the next frame; with nothing found, both mappings are empty.

        An exception means that the pipeline is of no more use: close it and make another.
        """
        ...

    def reset(self) -> None:
        """Forget every frame so far: what follows is as if the pipeline were new."""
        ...

    def close(self) -> None:
        """Free what it holds, also after an exception; raises nothing. Nothing may be called after it."""
        ...


PipelineFactory = Callable[[], Pipeline]
"""Makes a fresh pipeline: one for every capture, for every takeover, and for every live session."""


def _box(points: PartLandmarks) -> tuple[float, float, float, float]:
    (x0, y0, *_), (x1, y1, *_) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return _inside(x0), _inside(y0), _inside(x1), _inside(y1)


def _inside(share: float) -> float:
    return min(max(share, 0.0), 1.0)
