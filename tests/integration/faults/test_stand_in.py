"""The stand-in's rows tell what happened to the frames before them, as MediaPipe's do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.integration.faults.stand_in import StandIn

PICTURES = [np.full((4, 6, 3), number, np.uint8) for number in range(4)]


def rows(numbers: Sequence[int], restarts_before: int | None = None) -> list[bytes]:
    """The poses that one model finds in these pictures; it forgets what it saw before one of them."""
    model, found = StandIn(frame_s=0.0), []
    for place, number in enumerate(numbers):
        if place == restarts_before:
            model.reset()
        found.append(model.process(PICTURES[number]).landmarks["pose"].tobytes())
    return found


def test_the_same_frames_have_the_same_rows() -> None:
    assert rows([0, 1, 2, 3]) == rows([0, 1, 2, 3])


@pytest.mark.parametrize("numbers", [[0, 2, 2, 3], [0, 0, 1, 3], [1, 0, 2, 3]], ids=["lost", "doubled", "out of order"])
def test_the_row_after_a_frame_that_is_not_in_its_place_is_another(numbers: list[int]) -> None:
    assert rows(numbers)[-1] != rows([0, 1, 2, 3])[-1]


def test_a_row_after_another_start_is_another() -> None:
    assert rows([0, 1, 2], restarts_before=2)[-1] != rows([0, 1, 2])[-1]
    assert rows([0, 1, 2], restarts_before=2)[-1] == rows([2])[-1]
