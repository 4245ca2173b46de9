"""The limits are those of the contract, and the arithmetic on them is exact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.rules.limits import INGEST_GRACE_S, CaptureLimits

DEFAULTS = {
    "max_duration_s": 120,
    "min_duration_s": 2,
    "max_fps": 15,
    "max_long_side": 640,
    "max_short_side": 480,
    "max_frames": 1815,
    "max_frame_bytes": 300_000,
    "max_total_bytes": 135_000_000,
    "max_forward_buffer_frames": 3,
    "max_forward_buffer_bytes": 1_000_000,
    "stream_max_frames": 150,
    "stream_max_bytes": 8_000_000,
    "max_wait_s": 60,
    "meta_timeout_s": 2,
    "idle_timeout_s": 5,
    "open_timeout_s": 10,
    "recheck_s": 5,
    "max_captures": 256,
    "max_captures_per_user": 4,
}


def test_the_defaults_are_the_contracts_table() -> None:
    assert CaptureLimits().model_dump() == DEFAULTS
    assert INGEST_GRACE_S == 5


@pytest.mark.parametrize(
    ("given", "frames"),
    [
        ({"max_duration_s": 10}, 165),
        ({"max_fps": 30}, 3630),
        ({"max_duration_s": 0.5, "max_fps": 1, "min_duration_s": 0}, 1),
        ({"max_duration_s": 2.5, "max_fps": 10}, 35),
        ({"max_frames": 7}, 7),
    ],
)
def test_max_frames_is_one_second_over_duration_times_fps_unless_it_is_set(given: dict[str, Any], frames: int) -> None:
    assert CaptureLimits(**given).max_frames == frames


@pytest.mark.parametrize("field", list(DEFAULTS))
@pytest.mark.parametrize("value", [-1, "x", "", "nan", "inf", 1e300, None, [], {}])
def test_a_limit_is_a_number_within_reason(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        CaptureLimits.model_validate({field: value})
    assert caught.value.errors()[0]["loc"] == (field,)


@pytest.mark.parametrize("field", sorted(set(DEFAULTS) - {"min_duration_s", "max_wait_s"}))
def test_a_limit_of_zero_that_would_refuse_everything_is_refused(field: str) -> None:
    with pytest.raises(ValidationError):
        CaptureLimits.model_validate({field: 0})


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="MIN_DURATION_S is above A3CP_CAPTURE_MAX_DURATION_S"):
        CaptureLimits(min_duration_s=121)
    with pytest.raises(ValidationError, match="MAX_SHORT_SIDE is above A3CP_CAPTURE_MAX_LONG_SIDE"):
        CaptureLimits(max_short_side=641)


def test_limits_are_fixed() -> None:
    with pytest.raises(ValidationError):
        CaptureLimits().max_fps = 30  # type: ignore[misc]
    with pytest.raises(ValidationError):
        CaptureLimits.model_validate({"max_fpss": 30})


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [
        (640, 480, True), (480, 640, True), (640, 360, True), (1, 1, True), (640, 640, False), (641, 480, False),
        (480, 641, False), (640, 481, False), (481, 640, False), (481, 481, False), (480, 480, True),
    ],
)  # fmt: skip
def test_an_image_fits_in_either_orientation(width: int, height: int, fits: bool) -> None:
    assert CaptureLimits().fits(width, height) is fits


@pytest.mark.parametrize(
    ("fps", "elapsed_ms", "frames"),
    [
        (15, 0, 15),
        (15, 66, 15),
        (15, 67, 16),
        (15, 999, 29),
        (15, 1000, 30),
        (1, 999, 1),
        (1, 1000, 2),
        (10, 100, 11),
        (10, 300, 13),
        (10, 700, 17),
        (15, 120_000, 1815),
    ],
)
def test_frames_may_come_at_the_target_rate_and_one_seconds_worth_early(fps: int, elapsed_ms: int, frames: int) -> None:
    assert CaptureLimits().frames_allowed(fps, timedelta(milliseconds=elapsed_ms)) == frames


def test_rounding_never_costs_a_frame_that_is_exactly_on_time() -> None:
    limits = CaptureLimits(max_fps=1000)
    for fps in (1, 7, 10, 15, 24, 25, 30, 50, 60):
        for n in range(0, 2000, 7):
            exact = timedelta(microseconds=-(-n * 1_000_000 // fps))  # the first microsecond at which n frames are due
            assert limits.frames_allowed(fps, exact) == n + fps, (fps, n)


@pytest.mark.parametrize("field", ["max_long_side", "max_short_side"])
def test_no_side_may_be_longer_than_opencv_takes(field: str) -> None:
    """One pixel more would crash an extractor (opencv/opencv#7544)."""
    long = {"max_long_side": 32_766, field: 32_766}
    assert CaptureLimits.model_validate(long).model_dump()[field] == 32_766
    with pytest.raises(ValidationError):
        CaptureLimits.model_validate({**long, field: 32_767})
