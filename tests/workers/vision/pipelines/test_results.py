"""Reading MediaPipe's results, on results that the tests construct."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.later import Later

face, hands, holistic, pose = (
    Later(f"workers.vision.pipelines.{name}") for name in ("face", "hands", "holistic", "pose")
)


def landmarks(count: int, x: float = 0.5) -> Any:
    """Landmarks whose visibility is their number in hundredths."""
    return SimpleNamespace(
        landmark=[SimpleNamespace(x=x, y=0.5, z=0.0, visibility=number / 100) for number in range(count)]
    )


def hands_results(*found: tuple[str, float, float]) -> Any:
    """Hands by MediaPipe's label, score and x."""
    if not found:
        return SimpleNamespace(multi_handedness=None, multi_hand_landmarks=None)
    return SimpleNamespace(
        multi_handedness=[
            SimpleNamespace(classification=[SimpleNamespace(label=label, score=score)]) for label, score, _ in found
        ],
        multi_hand_landmarks=[landmarks(21, x) for *_, x in found],
    )


def hands_found(*found: tuple[str, float, float]) -> dict[str, tuple[float, float]]:
    """x and confidence by part."""
    findings = hands.find(hands_results(*found))
    assert findings.landmarks.keys() == findings.confidences.keys()
    return {part: (float(points[0, 0]), findings.confidences[part]) for part, points in findings.landmarks.items()}


def holistic_results(**found: Any) -> Any:
    nothing = dict.fromkeys(("pose_landmarks", "left_hand_landmarks", "right_hand_landmarks", "face_landmarks"))
    return SimpleNamespace(**(nothing | found))


def test_the_sides_that_mediapipe_names_for_a_mirrored_picture_are_swapped() -> None:
    assert hands_found(("Left", 0.75, 0.25)) == {"right_hand": (0.25, 0.75)}
    assert hands_found(("Right", 0.75, 0.25)) == {"left_hand": (0.25, 0.75)}
    assert hands_found(("Right", 0.75, 0.25), ("Left", 0.5, 0.5)) == {
        "left_hand": (0.25, 0.75),
        "right_hand": (0.5, 0.5),
    }


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_hands_on_one_side_the_surer_stays_and_the_other_takes_the_free_side(order: int) -> None:
    both = [("Left", 0.875, 0.25), ("Left", 0.625, 0.5)][::order]
    assert hands_found(*both) == {"right_hand": (0.25, 0.875), "left_hand": (0.5, 0.375)}


def test_of_two_equally_sure_hands_on_one_side_the_first_stays() -> None:
    found = hands_found(("Right", 0.75, 0.25), ("Right", 0.75, 0.5))
    assert found == {"left_hand": (0.25, 0.75), "right_hand": (0.5, 0.25)}


def test_a_result_without_hands_is_nothing_found() -> None:
    assert hands_found() == {}


def test_a_poses_confidence_is_its_mean_visibility() -> None:
    findings = pose.find(SimpleNamespace(pose_landmarks=landmarks(33)))
    assert findings.confidences == {"pose": pytest.approx(0.16)}


def test_holistics_confidence_in_a_part_is_the_visibility_of_the_poses_landmarks_there() -> None:
    results = holistic_results(
        pose_landmarks=landmarks(33),
        left_hand_landmarks=landmarks(21),
        right_hand_landmarks=landmarks(21),
        face_landmarks=landmarks(468),
    )
    confidences = {"pose": 0.16, "left_hand": 0.18, "right_hand": 0.19, "face": 0.05}
    assert holistic.find(results).confidences == pytest.approx(confidences)


def test_holistics_findings_have_only_the_parts_that_were_found() -> None:
    findings = holistic.find(holistic_results(pose_landmarks=landmarks(33), left_hand_landmarks=landmarks(21)))
    assert list(findings.landmarks) == list(findings.confidences) == ["pose", "left_hand"]


def test_a_faces_confidence_is_the_models_own_score() -> None:
    results = {"multi_face_landmarks": [landmarks(468)], "facelandmarkcpu__face_presence_score": 0.75}
    assert face.find(SimpleNamespace(**results)).confidences == {"face": 0.75}
    nobody = {"multi_face_landmarks": None, "facelandmarkcpu__face_presence_score": 0.25}
    assert face.find(SimpleNamespace(**nobody)).confidences == {}
