"""Boxes and confidences, without a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from contracts.rules.landmarks import Part
from tests.support.later import Later
from workers.vision.pipelines.base import Findings
from workers.vision.pipelines.solution import coordinates

landmark_pb2 = Later("mediapipe.framework.formats.landmark_pb2")


def findings(*points: tuple[float, float], part: Part = "face") -> Findings:
    landmarks = np.array([(*point, 0.0) for point in points], np.float32)
    return Findings({part: landmarks}, {part: 0.5})


def box(*points: tuple[float, float]) -> tuple[float, ...]:
    (detection,) = findings(*points).detections
    return detection.box


def test_a_box_is_the_smallest_that_holds_the_landmarks() -> None:
    assert box((0.75, 0.25), (0.5, 0.5), (0.25, 0.375)) == (0.25, 0.25, 0.75, 0.5)


def test_a_box_is_cut_to_the_picture() -> None:
    assert box((-0.5, 0.25), (0.5, 1.75)) == (0, 0.25, 0.5, 1)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (((1.25, 0.25), (1.5, 0.75)), (1, 0.25, 1, 0.75)),
        (((-0.5, 0.25), (-0.25, 0.75)), (0, 0.25, 0, 0.75)),
        (((0.25, -0.5), (0.75, -0.25)), (0.25, 0, 0.75, 0)),
        (((0.25, 1.25), (0.75, 1.5)), (0.25, 1, 0.75, 1)),
        (((1.25, 1.25), (1.5, 1.5)), (1, 1, 1, 1)),
        (((-2.0, 3.0), (-1.0, 4.0)), (0, 1, 0, 1)),
    ],
)
def test_the_box_of_a_part_outside_lies_flat_on_the_nearest_edge(points: Any, expected: tuple[float, ...]) -> None:
    assert box(*points) == expected


def test_a_detection_is_labelled_with_its_part_and_has_its_confidence() -> None:
    (detection,) = findings((0, 0), part="left_hand").detections
    assert (detection.label, detection.confidence) == ("left_hand", 0.5)


def test_nothing_found_is_no_detection() -> None:
    assert Findings({}, {}).detections == []


def test_coordinates_are_those_that_the_layout_gives_the_part() -> None:
    point = SimpleNamespace(x=0.1, y=0.2, z=0.3, visibility=0.4, presence=0.5)
    mediapipes = SimpleNamespace(landmark=[point])
    assert coordinates("pose", mediapipes).tolist() == np.array([[0.1, 0.2, 0.3, 0.4]], np.float32).tolist()
    assert coordinates("face", mediapipes).tolist() == np.array([[0.1, 0.2, 0.3]], np.float32).tolist()
    assert coordinates("face", mediapipes).dtype == np.float32


def landmark_list(*points: dict[str, float]) -> Any:
    return landmark_pb2.NormalizedLandmarkList(landmark=[landmark_pb2.NormalizedLandmark(**point) for point in points])


@pytest.mark.parametrize(
    "points",
    [
        [{"x": 0.1, "y": -0.0, "z": 1e-40, "visibility": 0.4, "presence": 0.5}] * 33,
        [{"x": 0.1, "y": 0.2, "z": float("nan"), "visibility": 0.4}, {"x": 1, "y": 2, "z": 3, "visibility": 4}],
        [{"x": 0.1, "y": 0.2, "z": 0.3, "visibility": 0.4}, {"x": 0.5, "y": 0.6, "z": 0.7}],
        [{"x": 0.1, "y": 0.2, "z": 0.3, "presence": 0.4}],
        [{"x": 0.1, "z": 0.3, "visibility": 0.2, "presence": 0.4}],
    ],
    ids=["all fields", "no presence", "one without visibility", "none with visibility", "no y"],
)
def test_serialized_landmarks_have_the_bits_of_their_attributes(points: list[dict[str, float]]) -> None:
    landmarks = landmark_list(*points)
    quick = coordinates("pose", landmarks.SerializeToString())
    assert quick.tobytes() == coordinates("pose", landmarks).tobytes()
    assert (quick.shape, quick.dtype) == ((len(points), 4), np.float32)
