"""Every registered pipeline with real MediaPipe, on pictures in which there is something to find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from typing import Any

import numpy as np
import pytest

from contracts.messages.pipelines import PIPELINES
from tests.support.clips import face_clip
from tests.support.later import Later
from tests.workers.vision.pipelines.drawings import left_hand, right_hand, two_hands
from tests.workers.vision.pipelines.rules import bytes_of, check_findings, findings_of, run
from workers.vision.decode import decode_jpeg
from workers.vision.pipelines.base import Findings, Image
from workers.vision.pipelines.registry import make_pipeline

solutions = Later("mediapipe.python.solutions")

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

IN_THE_PICTURES = {
    "holistic": {"pose", "face"},
    "pose": {"pose"},
    "hands": {"left_hand", "right_hand"},
    "face": {"face"},
}
NOTHING = np.zeros((240, 320, 3), np.uint8)

every_pipeline = pytest.mark.parametrize("pipeline_id", PIPELINES)


@cache
def portraits() -> tuple[Image, ...]:
    images = [decode_jpeg(jpeg, 320, 240) for jpeg in face_clip(3, 320, 240)]
    return tuple(image for image in images if image is not None)


def pictures(pipeline_id: str) -> Sequence[Image]:
    """Three frames of a video."""
    return [two_hands()] * 3 if pipeline_id == "hands" else portraits()


@cache
def found(pipeline_id: str) -> list[Findings]:
    return findings_of(pipeline_id, pictures(pipeline_id))


@every_pipeline
def test_it_finds_its_parts_in_the_shapes_of_the_contract(pipeline_id: str) -> None:
    for findings in found(pipeline_id):
        assert set(findings.landmarks) == IN_THE_PICTURES[pipeline_id]
        check_findings(pipeline_id, findings)


@every_pipeline
def test_two_fresh_pipelines_find_the_same(pipeline_id: str) -> None:
    assert bytes_of(found(pipeline_id)) == bytes_of(findings_of(pipeline_id, pictures(pipeline_id)))


@every_pipeline
def test_a_pipeline_that_was_reset_finds_what_a_fresh_one_does(pipeline_id: str) -> None:
    with closing(make_pipeline(pipeline_id)) as pipeline:
        run(pipeline, pictures(pipeline_id)[::-1])
        pipeline.reset()
        assert bytes_of(run(pipeline, pictures(pipeline_id))) == bytes_of(found(pipeline_id))


@every_pipeline
def test_it_tracks_so_its_second_look_differs_from_its_first(pipeline_id: str) -> None:
    first, second = findings_of(pipeline_id, [pictures(pipeline_id)[0]] * 2)
    assert bytes_of([first]) != bytes_of([second])


@every_pipeline
def test_it_finds_nothing_in_nothing_and_goes_on(pipeline_id: str) -> None:
    nothing, something = findings_of(pipeline_id, [NOTHING, pictures(pipeline_id)[0]])
    assert (nothing.landmarks, nothing.confidences, nothing.detections) == ({}, {}, [])
    assert set(something.landmarks) == IN_THE_PICTURES[pipeline_id]


@every_pipeline
def test_a_graph_that_failed_can_be_closed(pipeline_id: str) -> None:
    pipeline = make_pipeline(pipeline_id)
    with pytest.raises(RuntimeError):
        pipeline.process(np.zeros((0, 0, 3), np.uint8))
    pipeline.close()


@pytest.mark.parametrize(
    ("pipeline_id", "make", "read"),
    [
        ("pose", lambda: solutions.pose.Pose(), lambda results: [results.pose_landmarks]),
        ("hands", lambda: solutions.hands.Hands(), lambda results: results.multi_hand_landmarks),
        ("face", lambda: solutions.face_mesh.FaceMesh(), lambda results: results.multi_face_landmarks),
    ],
)
def test_landmarks_are_bit_for_bit_mediapipes(pipeline_id: str, make: Any, read: Callable[[Any], Any]) -> None:
    def coordinates(point: Any) -> list[float]:
        return [point.x, point.y, point.z] + ([point.visibility] if pipeline_id == "pose" else [])

    with make() as solution:
        for image, findings in zip(pictures(pipeline_id), found(pipeline_id), strict=True):
            bare = [[coordinates(point) for point in part.landmark] for part in read(solution.process(image))]
            ours = [points.tolist() for points in findings.landmarks.values()]
            assert sorted(ours) == sorted(bare)


def test_a_hand_is_on_the_side_where_its_owner_has_it() -> None:
    for image, side in ((right_hand(), "right_hand"), (left_hand(), "left_hand")):
        (findings,) = findings_of("hands", [image])
        assert set(findings.landmarks) == {side}
        assert findings.confidences[side] > 0.8


def test_the_right_hand_of_a_person_facing_the_camera_is_on_the_picture_s_left() -> None:
    right, left = (found("hands")[0].landmarks[part][:, 0] for part in ("right_hand", "left_hand"))
    assert right.max() < 0.5 < left.min()


def test_in_a_mirrored_picture_left_and_right_hand_are_swapped() -> None:
    mirrored = np.ascontiguousarray(right_hand()[:, ::-1])
    (seen,), (in_the_mirror,) = findings_of("hands", [right_hand()]), findings_of("hands", [mirrored])
    x = 1 - in_the_mirror.landmarks["left_hand"][:, 0]
    assert np.abs(seen.landmarks["right_hand"][:, 0] - x).max() < 0.05
