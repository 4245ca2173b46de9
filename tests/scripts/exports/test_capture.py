"""The rate of a capture by its own times, and its consent and gesture by the session's log."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.exports.capture import frame_rate
from scripts.exports.statements import Statements


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


CASES: list[tuple[list[dict[str, Any]], bool | None, bool | None]] = [
    ([], None, None),
    ([{"consent_given": None, "is_demo": None}], None, None),
    ([{"consent_given": True}], True, None),
    ([{"consent_given": False}], False, None),
    ([{"capture_id": "c", "consent_given": True, "is_demo": False}], True, False),
    ([{"capture_id": "other", "consent_given": False, "is_demo": True}], None, None),
    ([{"consent_given": True}, {"capture_id": "c", "consent_given": False}], False, None),
    ([{"consent_given": False}, {"capture_id": "c", "consent_given": True}], False, None),
    ([{"consent_given": True}, {"consent_given": False}], False, None),
    ([{"consent_given": "no"}], False, None),
    ([{"consent_given": 1}], False, None),
    ([{"is_demo": True}, {"capture_id": "c", "is_demo": False}], None, True),
    ([{"is_demo": "yes"}], None, True),
]


@pytest.mark.parametrize(("events", "consent_given", "is_demo"), CASES)
def test_the_cautious_statement_wins_in_any_order(
    events: list[dict[str, Any]], consent_given: bool | None, is_demo: bool | None
) -> None:
    for order in permutations(events):
        said = Statements(order)
        assert said.consent_given("c") is consent_given
        assert said.is_demo("c") is is_demo


def test_a_session_s_gesture_is_that_of_its_start() -> None:
    start = {"event": "session.start", "training_intent_label": "wave"}
    assert Statements([start, {"event": "other", "training_intent_label": "no"}]).session_intent == "wave"
    assert Statements([start | {"training_intent_label": ""}]).session_intent is None
