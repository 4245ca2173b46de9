"""The rate of a capture by its own times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.exports.capture import frame_rate


@given(st.integers(1, 60), st.integers(30, 600))
def test_a_camera_that_keeps_its_rate_has_the_rate_it_was_asked_for(fps: int, frames: int) -> None:
    times = np.array([round(1000 * index / fps) for index in range(frames)], np.int64)
    assert frame_rate(times, fps) == fps


@given(st.integers(1, 14), st.integers(30, 600))
def test_a_camera_that_is_slower_has_the_rate_of_its_times(fps: int, frames: int) -> None:
    times = np.array([round(1000 * index / fps) for index in range(frames)], np.int64)
    assert frame_rate(times, 15) == pytest.approx(fps, rel=0.01)


@pytest.mark.parametrize("times", [[0], [5, 5, 5]])
def test_times_without_a_rate_leave_the_target_rate(times: list[int]) -> None:
    assert frame_rate(np.array(times, np.int64), 15) == 15.0
