"""MediaPipe Pose: 33 landmarks of one person. Importing this module loads MediaPipe.

The confidence is the mean visibility of all landmarks: how much of the body MediaPipe takes to be in the picture and
not hidden. A face and shoulders, surely found, have about a half.
"""

from __future__ import annotations

from typing import Any, Final

from workers.vision.pipelines.base import Findings, Pipeline
from workers.vision.pipelines.graph import TrimmedGraph
from workers.vision.pipelines.solution import SolutionPipeline, coordinates, mean_visibility

__all__ = ["create", "find"]


_GRAPH: Final = "mediapipe/modules/pose_landmark/pose_landmark_cpu.binarypb"
_SIDE_INPUTS: Final = {
    "model_complexity": 1,
    "smooth_landmarks": True,
    "enable_segmentation": False,
    "smooth_segmentation": True,
    "use_prev_landmarks": True,
}
_PARAMETERS: Final = {
    "posedetectioncpu__TensorsToDetectionsCalculator.min_score_thresh": 0.5,
    "poselandmarkbyroicpu__tensorstoposelandmarksandsegmentation__ThresholdingCalculator.threshold": 0.5,
}
"""The side inputs and parameters with which ``mediapipe.python.solutions.pose.Pose()`` runs this graph."""


def create() -> Pipeline:
    """Pose in video mode with its defaults: of its models, the one that MediaPipe's wheel carries."""
    return SolutionPipeline(TrimmedGraph(_GRAPH, ["pose_landmarks"], _SIDE_INPUTS, _PARAMETERS), find)


def find(results: Any) -> Findings:
    """The pose in Pose's results: of its class, or of its graph."""
    if results.pose_landmarks is None:
        return Findings({}, {})
    pose = coordinates("pose", results.pose_landmarks)
    return Findings({"pose": pose}, {"pose": mean_visibility(pose)})
