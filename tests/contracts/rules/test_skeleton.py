"""The lines of the skeletons, against MediaPipe's own."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from mediapipe.python.solutions import face_mesh_connections, hands_connections, pose_connections

from contracts.rules.layout import LAYOUT, PART_NAMES, Part
from contracts.rules.skeleton import CONNECTIONS

THEIRS: dict[Part, Iterable[tuple[int, int]]] = {
    "pose": pose_connections.POSE_CONNECTIONS,
    "left_hand": hands_connections.HAND_CONNECTIONS,
    "right_hand": hands_connections.HAND_CONNECTIONS,
    "face": face_mesh_connections.FACEMESH_CONTOURS,
}


@pytest.mark.parametrize("part", PART_NAMES)
def test_lines_are_those_of_mediapipe(part: Part) -> None:
    assert set(CONNECTIONS[part]) == {(min(pair), max(pair)) for pair in THEIRS[part]}


def test_each_line_is_drawn_once_and_between_landmarks_that_the_layout_has() -> None:
    for part in LAYOUT:
        lines = CONNECTIONS[part.name]
        assert len(lines) == len(set(lines))
        assert {landmark for line in lines for landmark in line} <= set(range(part.landmarks))
