"""Presence and hand speed, from landmarks that move on a known path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.pictures.motion import Hand, motion_of
from tests.scripts.pictures.captures import artifact, members, put

PALM = [0, 5, 9, 13, 17]


def test_speed_is_in_shoulder_widths_a_second(tmp_path: Path) -> None:
    given = members(3)
    features = given["features"]
    for frame in range(3):
        put(features, frame, "pose", [11], 0.6, 0.5)
        put(features, frame, "pose", [12], 0.4, 0.5)  # 0.2 of 640 pixels: 128
    for frame, (x, y) in enumerate([(0.1, 0.1), (0.1 + 64 / 640, 0.1), (0.1 + 64 / 640, 0.1 + 96 / 480)]):
        put(features, frame, "left_hand", PALM, x, y)
    motion = motion_of(artifact(tmp_path, given))
    assert motion.unit == "shoulder widths"
    assert np.isnan(motion.speed["left_hand"][0])
    assert motion.speed["left_hand"][1:] == pytest.approx([64 / 128 / 0.1, 96 / 128 / 0.1], rel=1e-5)
    assert np.isnan(motion.speed["right_hand"]).all()


def test_without_shoulders_the_unit_is_the_pictures_height(tmp_path: Path) -> None:
    given = members(2)
    put(given["features"], 0, "right_hand", PALM, 0.5, 0.5)
    put(given["features"], 1, "right_hand", PALM, 0.5, 0.75)
    put(given["features"], 0, "pose", [11], 0.6, 0.5)  # the other shoulder has a low visibility
    motion = motion_of(artifact(tmp_path, given))
    assert motion.unit == "picture heights"
    assert motion.speed["right_hand"][1] == pytest.approx(0.25 / 0.1, rel=1e-5)


def test_one_frame_with_other_shoulders_does_not_change_the_unit(tmp_path: Path) -> None:
    given = members(3)
    for frame, width in enumerate((0.2, 0.01, 0.2)):
        put(given["features"], frame, "pose", [11], 0.5 + width, 0.5)
        put(given["features"], frame, "pose", [12], 0.5, 0.5)
        put(given["features"], frame, "left_hand", PALM, 0.2 * frame, 0.5)
    assert motion_of(artifact(tmp_path, given)).speed["left_hand"][1:] == pytest.approx([10, 10], rel=1e-5)


@pytest.mark.parametrize("hand", ["left_hand", "right_hand"])
def test_speed_is_unknown_over_gaps_and_without_time(tmp_path: Path, hand: Hand) -> None:
    given = members(6)
    given["timestamps_ms"] = np.array([0, 100, 200, 300, 400, 400], dtype="<i8")
    for frame in (0, 2, 3, 4, 5):
        put(given["features"], frame, hand, PALM, 0.1 * frame, 0.5)
    motion = motion_of(artifact(tmp_path, given))
    assert list(np.isnan(motion.speed[hand])) == [True, True, True, False, False, True]
    assert list(motion.found[hand]) == [True, False, True, True, True, True]
    assert not any(motion.found[part].any() for part in motion.found if part != hand)


def test_restarts_and_unreadable_frames_have_their_times(tmp_path: Path) -> None:
    decoded = np.array([True, False, True])
    given = members(3, decoded=decoded, tracker_restarts=np.array([3], dtype="<i4"))
    motion = motion_of(artifact(tmp_path, given))
    assert motion.restarts_s == (0.2,)
    assert list(motion.decoded) == [True, False, True]
    assert motion.times_s == pytest.approx([0, 0.1, 0.2])
