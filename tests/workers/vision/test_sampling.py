"""Which pictures of a video the sampling keeps. The tests use times only, and no pictures."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction

import pytest

from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from workers.vision.sampling import MAX_SOURCE_FPS, Downsampling, MediaClock, Timeline, ends_early

LIMITS = CaptureLimits()


def milliseconds(*moments: int) -> list[Fraction]:
    return [Fraction(moment, 1000) for moment in moments]


def steady(rate: Fraction | int, seconds: float, clock: int | None = None) -> list[Fraction]:
    """The times of frames at a steady rate, rounded to the clock of the container."""
    times = [Fraction(index) / rate for index in range(round(rate * Fraction(seconds)))]
    return times if clock is None else [Fraction(round(at * clock), clock) for at in times]


def shaky(rate: int, by_ms: int, seconds: int = 6) -> list[Fraction]:
    """The times of a webcam's frames: each is early or late by a few milliseconds."""
    chance = random.Random(rate * 100 + by_ms)
    return sorted({Fraction(max(0, round(1000 * index / rate + chance.uniform(-by_ms, by_ms))), 1000)
                   for index in range(rate * seconds)})  # fmt: skip


def kept(
    times: Sequence[Fraction], header_rate: Fraction | None = None, last_s: Fraction = Fraction(0)
) -> tuple[Timeline, list[int], int]:
    """The timeline, the offsets of the kept frames, and the end."""
    timeline = Timeline.of([at - times[0] for at in times], LIMITS, header_rate=header_rate, last_shown_s=last_s)
    clock = MediaClock(LIMITS, timeline)
    offsets = [clock.tick(at) for at in times]
    clock.check_end()
    return timeline, [offset for offset in offsets if offset is not None], clock.end_ms


@pytest.mark.parametrize("clock", [None, 90_000, 1000, 600])
@pytest.mark.parametrize(
    ("rate", "fps"),
    [(5, 5), (10, 10), (Fraction(25, 2), 13), (15, 15), (16, 15), (24, 15), (25, 15), (Fraction(30000, 1001), 15),
     (50, 15), (60, 15), (240, 15)],
)  # fmt: skip
def test_at_most_fifteen_frames_of_each_second_are_kept(rate: Fraction | int, fps: int, clock: int | None) -> None:
    times = steady(rate, 4, clock)
    timeline, offsets, end_ms = kept(times, Fraction(rate))
    assert timeline.fps_target == fps
    assert len(offsets) - min(4 * fps, len(times)) in (0, 1)
    assert abs(len(offsets) - timeline.expected_frames) <= 1
    assert offsets == sorted(set(offsets)) and offsets[0] == 0
    assert all(sum(second <= offset / 1000 < second + 1 for offset in offsets) <= fps + 1 for second in range(4))
    assert abs(end_ms - 4000) <= 2 + 1000 * 4 % rate


@pytest.mark.parametrize("header_rate", [None, Fraction(1000), Fraction(1), Fraction(61, 24)])
@pytest.mark.parametrize("rate", [5, 10, 12, 15, 20, 24, 30, 60])
@pytest.mark.parametrize("by_ms", [0, 3, 12, 20])
def test_a_webcam_that_is_not_exact_loses_no_frame_that_there_is_room_for(
    rate: int, by_ms: int, header_rate: Fraction | None
) -> None:
    """A browser's WebM names no rate, or one of 1000."""
    times = shaky(rate, by_ms)
    timeline, offsets, _ = kept(times, header_rate)
    assert len(offsets) >= (len(times) if rate <= 15 else 0.97 * 15 * 6)
    assert max(after - before for before, after in itertools.pairwise(offsets)) < 2 * 1000 / min(rate, 15) + 20
    assert all(seq <= timeline.fps_target * (1 + offset / 1000) for seq, offset in enumerate(offsets, start=1))


@pytest.mark.parametrize("rate", [15, 30, 60])
@pytest.mark.parametrize("still_s", [1, 20, 60])
@pytest.mark.parametrize("still_first", [True, False])
def test_a_still_part_takes_no_frame_of_the_movement_away(rate: int, still_s: int, still_first: bool) -> None:
    movement = steady(rate, 4)
    times = [Fraction(0), *(still_s + at for at in movement)] if still_first else movement
    last_s = Fraction(1, rate) if still_first else Fraction(still_s)
    timeline, offsets, end_ms = kept(times, len(times) / (still_s + Fraction(4)), last_s)
    assert timeline.fps_target == 15
    assert len(offsets) == 60 + (still_first or rate > 15), "the still picture, and fifteen a second of the movement"
    assert end_ms == round(1000 * ((still_s + 4) if still_first else movement[-1] + still_s))


def test_a_burst_in_a_slow_video_is_within_the_declared_rate() -> None:
    times = [*(Fraction(index, 5) for index in range(500)), *(100 + Fraction(index, 14) for index in range(14)),
             *(101 + Fraction(index, 5) for index in range(50))]  # fmt: skip
    timeline, offsets, _ = kept(times, Fraction(5))
    assert (len(offsets), timeline.fps_target) == (len(times), 14)


def test_a_held_picture_is_kept_whenever_it_begins() -> None:
    """Else it would be the second picture of its slot, and the picture shown longest would be dropped."""
    times = [*steady(30, 2), *(Fraction(61, 30) + 3 + at for at in steady(30, 2))]
    _, offsets, _ = kept(times, Fraction(30))
    assert round(1000 * times[59]) in offsets


def test_downsampling_keeps_what_is_still_shown_when_its_slot_begins() -> None:
    period_s = Fraction(1, 30)
    downsampling = Downsampling(15)
    assert [downsampling.keeps(at * period_s, period_s) for at in (0, 1, 2, 3, 4)] == [True, False, True, False, True]
    assert downsampling.keeps(Fraction(9, 30) + Fraction(1, 30), period_s)


@pytest.mark.parametrize("late", [2, 3, 29])
def test_a_frame_that_runs_back_in_time_is_not_kept(late: int) -> None:
    times = steady(15, 3)
    times[late] = times[late - 2]
    _, offsets, _ = kept(times, Fraction(15))
    assert offsets == [round(1000 * at) for index, at in enumerate(steady(15, 3)) if index != late]


@pytest.mark.parametrize("again", [Fraction(0), Fraction(-5), Fraction(1)])
def test_a_video_of_which_a_tenth_runs_back_is_damaged(again: Fraction) -> None:
    """In the output of ``cat a.ts b.ts`` the times restart in the middle."""
    times = steady(15, 4)
    with pytest.raises(VideoError, match="joined") as refused:
        kept(times + [again + at for at in times], Fraction(15))
    assert refused.value.code == "video_damaged"


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
def test_a_video_that_cannot_be_a_capture_is_refused_with_its_code(times: list[Fraction | None], code: str) -> None:
    clock = MediaClock(LIMITS, Timeline.of([Fraction(0)], LIMITS, header_rate=Fraction(30)))
    with pytest.raises(VideoError) as refused:
        for at_s in times:
            clock.tick(at_s)
        clock.check_end()
    assert refused.value.code == code


@pytest.mark.parametrize("rate", [None, Fraction(0), Fraction(1, 10**6), Fraction(10**6), Fraction(30000, 1001)])
@pytest.mark.parametrize("times", [[], [0], [0, 0], [0, 66, 133], list(range(0, 3000, 4))])
def test_a_capture_has_a_valid_rate_whatever_the_video_says(rate: Fraction | None, times: list[int]) -> None:
    timeline = Timeline.of(milliseconds(*times), LIMITS, header_rate=rate)
    assert 1 <= timeline.fps_target <= LIMITS.max_fps
    assert timeline.period_s > 0


@pytest.mark.parametrize(
    ("found_s", "promised_s", "early"),
    [(4, 4, False), (3.1, 4, False), (2.9, 4, True), (95, 100, False), (89, 100, True)],
)
def test_a_second_or_a_tenth_may_be_missing(found_s: float, promised_s: float, early: bool) -> None:
    assert ends_early(found_s, promised_s) is early
