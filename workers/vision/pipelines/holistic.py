"""MediaPipe Holistic: pose, both hands and face of one person. Importing this module loads MediaPipe.

It looks for hands and face where the pose says that they are, and does not say how sure it is of them. Their confidence
here is the mean visibility of the pose's landmarks that belong to the part: how sure the pose is that this hand or this
face can be seen at all. It says nothing of how well the part's own landmarks fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contracts.rules.landmarks import PART_NAMES, Part
from workers.vision.pipelines.base import Findings, Pipeline
from workers.vision.pipelines.graph import TrimmedGraph
from workers.vision.pipelines.solution import SolutionPipeline, coordinates, mean_visibility

__all__ = ["create", "find"]

_SEEN_BY: Final[Mapping[Part, Sequence[int]]] = {
    "pose": range(33),
    "left_hand": (15, 17, 19, 21),  # wrist, little finger, index finger, thumb
    "right_hand": (16, 18, 20, 22),
    "face": range(11),  # nose, eyes, ears, mouth
}
"""The landmarks of the pose that belong to each part."""


_GRAPH: Final = "mediapipe/modules/holistic_landmark/holistic_landmark_cpu.binarypb"
_SIDE_INPUTS: Final = {
    "model_complexity": 1,
    "smooth_landmarks": True,
    "enable_segmentation": False,
    "smooth_segmentation": True,
    "refine_face_landmarks": False,
    "use_prev_landmarks": True,
}
_PARAMETERS: Final = {
    "poselandmarkcpu__posedetectioncpu__TensorsToDetectionsCalculator.min_score_thresh": 0.5,
    "poselandmarkcpu__poselandmarkbyroicpu__tensorstoposelandmarksandsegmentation__ThresholdingCalculator.threshold": (
        0.5
    ),
}
"""The side inputs and parameters with which ``mediapipe.python.solutions.holistic.Holistic()`` runs this graph."""


def create() -> Pipeline:
    """Holistic in video mode with its defaults: of its models, the one that MediaPipe's wheel carries."""
    outputs = [f"{part}_landmarks" for part in PART_NAMES]
    return SolutionPipeline(TrimmedGraph(_GRAPH, outputs, _SIDE_INPUTS, _PARAMETERS), find)


def find(results: Any) -> Findings:
    """The parts in Holistic's results: of its class, or of its graph."""
    answers = ((part, getattr(results, f"{part}_landmarks")) for part in PART_NAMES)
    found = {part: coordinates(part, landmarks) for part, landmarks in answers if landmarks is not None}
    # without a pose Holistic finds nothing else either
    return Findings(found, {part: mean_visibility(found["pose"], _SEEN_BY[part]) for part in found})
