"""The feature matrix has 1662 named columns, a checkpointed row reads back, and the lines are MediaPipe's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.landmarks import CONNECTIONS, DIMS, LAYOUT, PART_NAMES, Part, Row, layout_text
from tests.support.later import Later

solutions = Later("mediapipe.python.solutions")


def test_a_row_has_1662_columns() -> None:
    assert DIMS == 33 * 4 + 21 * 3 + 21 * 3 + 468 * 3 == 1662


def test_each_part_has_the_columns_of_the_contract() -> None:
    places = {part.name: (part.landmarks, part.coordinates, part.start, part.stop) for part in LAYOUT}
    xyz = ("x", "y", "z")
    assert places == {
        "pose": (33, (*xyz, "visibility"), 0, 132),
        "left_hand": (21, xyz, 132, 195),
        "right_hand": (21, xyz, 195, 258),
        "face": (468, xyz, 258, 1662),
    }
    assert tuple(places) == PART_NAMES


def test_the_parts_cover_every_column_once() -> None:
    columns = [column for part in LAYOUT for column in range(DIMS)[part.columns]]
    assert columns == list(range(DIMS))


def test_the_layouts_text_names_every_part() -> None:
    assert layout_text() == "pose:33xyzv,left_hand:21xyz,right_hand:21xyz,face:468xyz"


@given(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.binary(min_size=1, max_size=64))
def test_a_row_reads_back_as_it_was_written(timestamp_ms: int, decoded: bool, pattern: bytes) -> None:
    row = Row(timestamp_ms, decoded, (pattern * 4 * DIMS)[: 4 * DIMS])
    assert Row.unpack(row.pack()) == row


@pytest.mark.parametrize("length", [0, 1, 8, 9, 9 + 4 * DIMS - 1, 9 + 4 * DIMS + 1])
def test_bytes_of_another_length_are_no_row(length: int) -> None:
    with pytest.raises(ValueError, match="a row has 6657 bytes"):
        Row.unpack(bytes(length))


def test_the_rows_of_a_full_capture_take_about_12_megabytes() -> None:
    assert 1815 * len(Row(0, True, bytes(4 * DIMS)).pack()) < 12_500_000


THEIRS: dict[Part, Callable[[], Iterable[tuple[int, int]]]] = {
    "pose": lambda: solutions.pose_connections.POSE_CONNECTIONS,
    "left_hand": lambda: solutions.hands_connections.HAND_CONNECTIONS,
    "right_hand": lambda: solutions.hands_connections.HAND_CONNECTIONS,
    "face": lambda: solutions.face_mesh_connections.FACEMESH_CONTOURS,
}


@pytest.mark.parametrize("part", PART_NAMES)
def test_lines_are_those_of_mediapipe(part: Part) -> None:
    assert set(CONNECTIONS[part]) == {(min(pair), max(pair)) for pair in THEIRS[part]()}


def test_each_line_is_drawn_once_and_between_landmarks_that_the_layout_has() -> None:
    for part in LAYOUT:
        lines = CONNECTIONS[part.name]
        assert len(lines) == len(set(lines))
        assert {landmark for line in lines for landmark in line} <= set(range(part.landmarks))
