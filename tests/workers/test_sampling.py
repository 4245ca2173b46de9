"""Which pictures of a video a capture has, by numbers alone."""

from __future__ import annotations

from fractions import Fraction

import pytest

from contracts.errors import VideoError
from contracts.limits import CaptureLimits
from workers.sampling import MAX_SOURCE_FPS, MediaClock, Thinning

LIMITS = CaptureLimits()


def kept(rate: int, seconds: int) -> list[int]:
    clock = MediaClock.at(Fraction(rate), LIMITS)
    offsets = [clock.tick(Fraction(index, rate)) for index in range(rate * seconds)]
    clock.check_end()
    return [offset for offset in offsets if offset is not None]


@pytest.mark.parametrize(
    ("rate", "fps"), [(5, 5), (15, 15), (24, 15), (25, 15), (30, 15), (50, 15), (60, 15), (240, 15)]
)
def test_at_most_fifteen_frames_of_each_second_are_kept(rate: int, fps: int) -> None:
    offsets = kept(rate, 4)
    assert len(offsets) == 4 * fps
    assert offsets == sorted(set(offsets))
    assert offsets[0] == 0
    assert all(sum(second <= offset / 1000 < second + 1 for offset in offsets) <= fps + 1 for second in range(4))


def test_a_frame_that_runs_back_in_time_is_not_kept() -> None:
    thinning = Thinning(15, Fraction(1, 30))
    assert [thinning.keeps(Fraction(at, 30)) for at in (0, 2, 1, 0, 4)] == [True, True, False, False, True]


@pytest.mark.parametrize(
    ("times", "code"),
    [
        ([None], "video_damaged"),
        ([], "no_frames"),
        ([Fraction(0)] * 90, "limit_duration_too_short"),
        ([Fraction(0), Fraction(1)], "limit_duration_too_short"),
        ([Fraction(0), Fraction(121)], "limit_duration_exceeded"),
        ([Fraction(-(10**9)), Fraction(0)], "limit_duration_exceeded"),
        ([Fraction(0)] * (121 * MAX_SOURCE_FPS + 1), "limit_fps_exceeded"),
    ],
    ids=["no times", "no frames", "one moment", "short", "long", "a gap", "endless frames"],
)
def test_a_video_that_cannot_be_a_capture_is_told_why(times: list[Fraction | None], code: str) -> None:
    clock = MediaClock.at(Fraction(30), LIMITS)
    with pytest.raises(VideoError) as refused:
        for at_s in times:
            clock.tick(at_s)
        clock.check_end()
    assert refused.value.code == code


@pytest.mark.parametrize("rate", [Fraction(1, 10**6), Fraction(10**6), Fraction(30000, 1001)])
def test_no_rate_makes_a_capture_of_no_rate(rate: Fraction) -> None:
    assert 1 <= MediaClock.at(rate, LIMITS).fps_target <= LIMITS.max_fps
