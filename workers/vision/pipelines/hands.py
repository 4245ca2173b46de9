"""MediaPipe Hands: up to two hands, wherever they are and whosesoever. Importing this module loads MediaPipe.

``left_hand`` is the person's own left hand, as in Holistic. MediaPipe Hands names the sides as for a picture that is
mirrored, like a selfie's preview; ours are not, so its names are swapped here.

The confidence is MediaPipe's handedness score: how sure it is of the side. It says nothing of how well the landmarks
fit; a hand that is reported at all has passed MediaPipe's threshold of 0.5 for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mediapipe.python.solutions.hands import Hands

from contracts.rules.landmarks import Part
from workers.vision.pipelines.base import Findings, PartLandmarks, Pipeline
from workers.vision.pipelines.solution import SolutionPipeline, coordinates

__all__ = ["create", "find"]

_PART: Final[Mapping[str, Part]] = {"Left": "right_hand", "Right": "left_hand"}
_OTHER: Final[Mapping[Part, Part]] = {"left_hand": "right_hand", "right_hand": "left_hand"}


def create() -> Pipeline:
    """Hands in video mode with its defaults: two hands, the larger of the two models."""
    return SolutionPipeline(Hands(static_image_mode=False, max_num_hands=2, model_complexity=1), find)


def find(results: Any) -> Findings:
    """The hands in Hands' results.

    Of two hands that MediaPipe puts on the same side, the one it is surer of stays there. The other is put on the
    free side, with the probability that MediaPipe gives that: 1 − score.
    """
    sides = (hand.classification[0] for hand in results.multi_handedness or ())
    hands = zip(sides, results.multi_hand_landmarks or (), strict=True)
    landmarks: dict[Part, PartLandmarks] = {}
    confidences: dict[Part, float] = {}
    for side, points in sorted(hands, key=lambda hand: hand[0].score, reverse=True):
        part, score = _PART[side.label], min(side.score, 1.0)
        if part in landmarks:
            part, score = _OTHER[part], 1 - score
        landmarks[part] = coordinates(part, points)
        confidences[part] = score
    return Findings(landmarks, confidences)
