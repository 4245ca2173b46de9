"""MediaPipe Pose: 33 landmarks of one person. Importing this module loads MediaPipe.

The confidence is the mean visibility of all landmarks: how much of the body MediaPipe takes to be in the picture and
not hidden. A face and shoulders, surely found, have about a half.
"""

from __future__ import annotations

from typing import Any

from mediapipe.python.solutions.pose import Pose

from workers.pipelines.base import Findings, Pipeline
from workers.pipelines.solution import SolutionPipeline, coordinates, mean_visibility

__all__ = ["create", "find"]


def create() -> Pipeline:
    """Pose in video mode with its defaults: of its models, the one that MediaPipe's wheel carries."""
    return SolutionPipeline(Pose(static_image_mode=False, model_complexity=1), find)


def find(results: Any) -> Findings:
    """The pose in Pose's results."""
    if results.pose_landmarks is None:
        return Findings({}, {})
    pose = coordinates("pose", results.pose_landmarks)
    return Findings({"pose": pose}, {"pose": mean_visibility(pose)})
