"""``GET /library/captures/{capture_id}/motion``: the points from which a page draws a capture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from contracts.messages.motion import CaptureMotion, MotionDetail
from contracts.rules.landmarks import CONNECTIONS, DIMS, LAYOUT, Row
from gateway.preview.artifact import read_artifact
from gateway.preview.motion import FULL_FRAMES, THUMBNAIL_FRAMES, motion_json, shown_frames
from tests.gateway.preview.test_preview import npz, published, row, settled
from tests.gateway.reached import assert_refused, reaching

DETAILS: tuple[MotionDetail, ...] = ("thumbnail", "full")


def motion(*rows: Row, detail: MotionDetail = "full") -> CaptureMotion:
    answer = motion_json(detail, read_artifact(npz(*rows)))
    return CaptureMotion.model_validate_json(answer)


def busy_row(timestamp_ms: int) -> Row:
    """A row in which every part is found, with coordinates that have as many digits as any."""
    values = np.full(DIMS, 0.987654, "<f4")
    return Row(timestamp_ms, True, values.tobytes())


@pytest.mark.parametrize("detail", DETAILS)
def test_each_part_is_where_it_was_found_and_null_where_it_was_not(detail: MotionDetail) -> None:
    made = motion(row(0, left_hand=(0.25, 0.75)), row(40), row(80, right_hand=(0.5, -0.5)), detail=detail)
    assert (made.width, made.height, made.frames, made.duration_ms) == (64, 48, 3, 80)
    assert (made.frame, made.time_ms, made.decoded) == ([0, 1, 2], [0, 40, 80], [True] * 3)
    assert made.parts.pose.frames == made.parts.face.frames == [None] * 3
    left, right = made.parts.left_hand, made.parts.right_hand
    points = len(left.landmarks)
    assert left.frames == [[round(0.25 * made.scale), round(0.75 * made.scale)] * points, None, None]
    assert right.frames == [None, None, [round(0.5 * made.scale), round(-0.5 * made.scale)] * points]


@pytest.mark.parametrize("detail", DETAILS)
def test_every_line_joins_two_landmarks_that_are_sent(detail: MotionDetail) -> None:
    made = motion(busy_row(0), detail=detail)
    for part in LAYOUT:
        points = getattr(made.parts, part.name)
        assert points.landmarks == sorted(set(points.landmarks))
        assert set(points.landmarks) <= set(range(part.landmarks))
        assert {place for line in points.lines for place in line} == set(range(len(points.landmarks)))
        assert len(points.frames[0]) == 2 * len(points.landmarks)


def test_all_lines_of_the_pictures_are_in_the_full_answer() -> None:
    made = motion(row(0))
    for name, connections in CONNECTIONS.items():
        points = getattr(made.parts, name)
        assert {(points.landmarks[a], points.landmarks[b]) for a, b in points.lines} == set(connections)


def test_x_and_y_are_those_of_the_landmark_with_the_number() -> None:
    values = np.full(DIMS, np.nan, "<f4")
    hand = LAYOUT[1]
    values[hand.columns] = np.stack([np.arange(21) / 50, np.arange(21) / 25, np.zeros(21)], axis=1).ravel()
    made = motion(Row(0, True, values.tobytes()), detail="thumbnail")
    expected = [axis for number in made.parts.left_hand.landmarks for axis in (5 * number, 10 * number)]
    assert made.parts.left_hand.frames[0] == expected


def test_what_the_pictures_do_not_draw_is_null() -> None:
    values = np.frombuffer(row(0, pose=(0.5, 0.5), left_hand=(0.5, 0.5)).features, "<f4").copy()
    values[3 + 4 * 12] = 0.4  # the visibility of a shoulder
    values[LAYOUT[1].start] = 2.5  # x of a wrist
    made = motion(Row(0, True, values.tobytes()))
    pose, hand = made.parts.pose, made.parts.left_hand
    assert pose.frames[0] is not None and hand.frames[0] is not None
    nulls = {pose.landmarks[at // 2] for at, value in enumerate(pose.frames[0]) if value is None}
    assert nulls == {12}
    assert hand.frames[0][:2] == [None, None] and None not in hand.frames[0][2:]


def test_the_head_of_the_pose_gives_way_to_the_face() -> None:
    made = motion(row(0, pose=(0.5, 0.5), face=(0.4, 0.4)), row(40, pose=(0.5, 0.5)))
    both, alone = made.parts.pose.frames
    assert both is not None and alone is not None
    assert both[:22] == [None] * 22 and None not in both[22:]
    assert None not in alone


def test_a_frame_whose_picture_could_not_be_read_is_marked() -> None:
    made = motion(row(0), Row(40, False, row().features))
    assert made.decoded == [True, False]


@pytest.mark.parametrize(
    ("frames", "most", "expected"),
    [
        (0, 4, []),
        (1, 4, [0]),
        (4, 4, [0, 1, 2, 3]),
        (5, 4, [0, 1, 2, 3]),
        (8, 4, [0, 2, 4, 6]),
        (9, 4, [0, 2, 4, 6]),
    ],
)
def test_frames_are_spread_evenly(frames: int, most: int, expected: list[int]) -> None:
    assert shown_frames(frames, most) == expected


@pytest.mark.parametrize(("detail", "most"), [("thumbnail", THUMBNAIL_FRAMES), ("full", FULL_FRAMES)])
def test_a_long_capture_has_a_bounded_number_of_frames_over_its_whole_time(detail: MotionDetail, most: int) -> None:
    made = motion(*[row(40 * seq) for seq in range(2 * most + 5)], detail=detail)
    assert len(made.frame) == len(made.time_ms) == len(made.decoded) == len(made.parts.pose.frames) == most
    assert made.frames == 2 * most + 5
    assert made.frame[0] == 0 and made.frame[-1] >= made.frames - 4
    assert made.time_ms == [40 * frame for frame in made.frame]


@pytest.mark.parametrize(
    ("detail", "frames", "most_bytes"), [("thumbnail", THUMBNAIL_FRAMES, 12_000), ("full", 10, 20_000)]
)
def test_an_answer_is_as_small_as_is_said(detail: MotionDetail, frames: int, most_bytes: int) -> None:
    answer = motion_json(detail, read_artifact(npz(*[busy_row(40 * seq) for seq in range(frames)])))
    assert len(answer) < most_bytes


def test_an_artifact_without_a_frame_has_nothing_to_draw() -> None:
    made = motion()
    assert (made.frames, made.duration_ms, made.frame) == (0, 0, [])


def test_landmarks_that_are_no_numbers_harm_nothing() -> None:
    values = np.frombuffer(row(left_hand=(1e30, -1e30), right_hand=(0.5, 0.5)).features, "<f4").copy()
    values[LAYOUT[2].start + 4] = np.inf
    made = motion(Row(0, True, values.tobytes()))
    assert set(made.parts.left_hand.frames[0] or [0]) == {None}
    assert made.parts.right_hand.frames == [None]


async def test_the_motion_of_a_recorded_capture_is_given_out_and_not_cached(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        made, _ = await published(gateway, row(0, pose=(0.5, 0.5)), row(40))
        address = f"/library/captures/{made.capture_id}/motion"
        assert_refused(await gateway.client.get(address), 404, "not_recorded")
        await settled(gateway, made)
        answers = {}
        for query in ("", "?detail=thumbnail", "?detail=full"):
            answer = await gateway.client.get(address + query)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
            assert answer.headers["cache-control"] == "no-store"
            answers[query] = answer.content
            assert CaptureMotion.model_validate_json(answer.content).time_ms == [0, 40]
        assert answers[""] == answers["?detail=thumbnail"] != answers["?detail=full"]
        assert orjson.loads(answers["?detail=full"])["detail"] == "full"


@pytest.mark.parametrize("query", ["detail=", "detail=most", "detail=full&detail=full", "frames=3"])
async def test_a_parameter_that_breaks_its_rule_is_422(tmp_path: Path, query: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        assert_refused(await gateway.client.get(f"/library/captures/c/motion?{query}"), 422, "schema_error")
