"""MediaPipe Face Mesh: 468 landmarks of one face. Importing this module loads MediaPipe.

The confidence is the model's own score that a face is where it looked. It is computed again in every frame, unlike the
detector's, which looks only when there is nothing to track; a face that is reported has passed the threshold of 0.5.
MediaPipe's ``FaceMesh`` keeps that score to itself, so its graph is run here without it, with the same parameters.
"""

from __future__ import annotations

from typing import Any, Final

from mediapipe.python.solution_base import SolutionBase

from workers.vision.pipelines.base import Findings, Pipeline
from workers.vision.pipelines.solution import SolutionPipeline, coordinates

__all__ = ["create", "find"]

_GRAPH: Final = "mediapipe/modules/face_landmark/face_landmark_front_cpu.binarypb"
_LANDMARKS: Final = "multi_face_landmarks"
_SCORE: Final = "facelandmarkcpu__face_presence_score"


def create() -> Pipeline:
    """Face Mesh in video mode with its defaults: one face, and no landmarks of the irises."""
    side_inputs = {"num_faces": 1, "with_attention": False, "use_prev_landmarks": True}
    return SolutionPipeline(SolutionBase(_GRAPH, side_inputs=side_inputs, outputs=[_LANDMARKS, _SCORE]), find)


def find(results: Any) -> Findings:
    """The face in the graph's results."""
    faces = getattr(results, _LANDMARKS)
    if not faces:
        return Findings({}, {})
    return Findings({"face": coordinates("face", faces[0])}, {"face": min(getattr(results, _SCORE), 1.0)})
