"""The numbers and the verdict of a capture: each number by its definition, each threshold at its boundary."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.landmarks import DIMS
from contracts.rules.quality import CaptureNumbers, HandNumbers, judge, measure
from contracts.rules.quality_reasons import QUALITY_REASONS, QualityReason
from tests.contracts.matrices import PARTS, Arrays, Path, arrays, in_frames, never, resting, times, waving, within


def measured(given: Arrays) -> CaptureNumbers:
    return measure(given.features.tobytes(), given.timestamps_ms, given.decoded)


# --- the numbers -----------------------------------------------------------------------------------------------------


def test_the_frames_with_each_part_are_counted() -> None:
    found = measured(arrays(40, left=within(0, 9), right=within(5, 24), without=["face"], undecoded=[39]))
    assert (found.frames, found.pose, found.face) == (40, 39, 0)
    assert (found.left_hand.frames, found.right_hand.frames, found.any_hand) == (10, 20, 25)
    assert found.undecoded == 1


def test_a_part_is_found_if_one_of_its_values_is_a_number() -> None:
    given = arrays(3, right=never, without=["pose", "face"])
    given.features[1, PARTS["face"].stop - 1] = 0.5
    given.features[2, PARTS["pose"].start] = np.frombuffer(b"\x01\x00\xc0\xff", "<f4")[0]  # another NaN
    found = measured(given)
    assert (found.pose, found.face) == (0, 1)


@pytest.mark.parametrize(
    ("path", "gap_ms"),
    [
        (waving, 0),
        (never, 0),
        (within(3, 3), 0),
        (within(20, 60), 0),  # rest before and after is no gap
        (in_frames(lambda frame: frame != 50), 2 * 67),
        (in_frames(lambda frame: not 50 <= frame < 60), 11 * 67),
        (in_frames(lambda frame: frame in (0, 99)), 99 * 67),
        (in_frames(lambda frame: frame not in (10, 11, 40, 41, 42)), 4 * 67),  # the longest of several
    ],
)
def test_a_gap_is_the_time_between_two_frames_that_have_the_hand(path: Path, gap_ms: int) -> None:
    assert measured(arrays(left=path)).left_hand.longest_gap_ms == gap_ms
    assert measured(arrays(right=path)).right_hand.longest_gap_ms == gap_ms


def test_a_gap_in_time_is_no_gap_of_a_hand_that_is_in_both_frames() -> None:
    found = measured(arrays(3, right=resting, timestamps_ms=[0, 67, 5_000]))
    assert found.right_hand.longest_gap_ms == 0
    assert (found.time_gaps, found.longest_time_gap_ms) == (1, 4_933)


@pytest.mark.parametrize(
    ("x", "y", "outside"),
    [(0.4, 0.4, 0), (0.0, 0.0, 0), (0.9, 0.2, 0), (-0.001, 0.4, 1), (0.95, 0.4, 10), (0.4, 0.951, 11), (1.01, 0.4, 21),
     (0.4, -1.0, 21), (float("inf"), 0.4, 21)],
)  # fmt: skip
def test_a_landmark_outside_the_picture_has_an_x_or_y_that_is_not_in_it(x: float, y: float, outside: int) -> None:
    given = arrays(4, left=within(1, 2, lambda _: (x, y)))
    hand = measured(given).left_hand
    assert hand.outside == 2 * outside  # z is 9 everywhere, and does not count
    assert hand.outside_share == outside / 21
    assert measured(arrays(4)).left_hand.outside_share == 0


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        (resting, 0.0),
        (never, 0.0),
        (lambda frame: (0.1 + 0.005 * frame, 0.4), 0.445),  # 100 frames: the ranks 5 to 94 of 0 to 99
        (lambda frame: (0.4, 0.1 + 0.005 * frame), 0.445),
        (lambda frame: (0.9 if frame < 5 else 0.4, 0.4), 0.0),  # a false detection in a twentieth of the frames
        (lambda frame: (0.9 if frame < 6 else 0.4, 0.4), 0.5),
        (within(0, 18, lambda frame: (0.9 if frame == 7 else 0.4, 0.4)), 0.5),  # too few frames to leave one out
    ],
)
def test_movement_is_the_trimmed_range_of_the_landmark_that_moved_most(path: Path, moved: float) -> None:
    assert measured(arrays(left=path)).left_hand.moved == moved


def test_one_finger_is_enough_movement() -> None:
    given = arrays(right=resting)
    tip_x = PARTS["right_hand"].start + 3 * 8
    given.features[50:, tip_x] += 0.0625
    assert measured(given).right_hand.moved == 0.0625
    given.features[50:, tip_x + 2] += 5  # z
    assert measured(given).right_hand.moved == 0.0625


def test_values_that_are_no_numbers_do_not_move() -> None:
    given = arrays(40, right=resting)
    given.features[10:20, PARTS["right_hand"].start] = np.inf
    given.features[20:30, PARTS["right_hand"].start] = np.nan
    assert measured(given).right_hand.moved == 0.0


@pytest.mark.parametrize(
    ("timestamps_ms", "fps"),
    [([0], 0.0), ([700, 700], 0.0), (times(100, 100), 10.0), ([500, 600, 900], 5.0), (times(67, 67), 1000 / 67)],
)
def test_the_rate_is_that_of_the_intervals(timestamps_ms: list[int], fps: float) -> None:
    assert measured(arrays(len(timestamps_ms), timestamps_ms=timestamps_ms)).fps == fps


@pytest.mark.parametrize(
    ("timestamps_ms", "gaps", "longest_ms"),
    [([0], 0, 0), (times(100, 100), 0, 100), (times(101, 100), 1, 101), (times(67, 134, 67, 500), 2, 500)],
)
def test_a_gap_in_time_is_over_100_ms(timestamps_ms: list[int], gaps: int, longest_ms: int) -> None:
    found = measured(arrays(len(timestamps_ms), timestamps_ms=timestamps_ms))
    assert (found.time_gaps, found.longest_time_gap_ms) == (gaps, longest_ms)


@pytest.mark.parametrize(
    ("rows", "timestamps_ms", "decoded"), [(0, [], []), (1, [0, 67], [True]), (1, [0], []), (2, [0], [True])]
)
def test_arrays_that_do_not_fit_each_other_are_an_error(
    rows: int, timestamps_ms: list[int], decoded: list[bool]
) -> None:
    with pytest.raises(ValueError, match="arrays"):
        measure(bytes(4 * DIMS * rows), timestamps_ms, decoded)


# --- the verdict -----------------------------------------------------------------------------------------------------

GOOD_HAND = HandNumbers(frames=1000, longest_gap_ms=134, outside=0, moved=0.3)
NO_HAND = HandNumbers(frames=0, longest_gap_ms=0, outside=0, moved=0.0)
GOOD = CaptureNumbers(
    frames=1000,
    pose=1000,
    face=1000,
    any_hand=1000,
    left_hand=GOOD_HAND,
    right_hand=GOOD_HAND,
    undecoded=0,
    duration_ms=66_933,
    time_gaps=0,
    longest_time_gap_ms=67,
)


def reasons(**change: object) -> set[str]:
    return set(judge(replace(GOOD, **change))[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "numbers",
    [
        GOOD,
        replace(GOOD, left_hand=NO_HAND),
        replace(GOOD, right_hand=NO_HAND),
        replace(GOOD, pose=0, face=0),  # hands filmed from near
        # one hand signs; the other rests at the edge, and comes and goes
        replace(GOOD, left_hand=HandNumbers(frames=400, longest_gap_ms=3_000, outside=6_000, moved=0.02)),
        # one hand signs; the other one passes by
        replace(GOOD, left_hand=HandNumbers(frames=99, longest_gap_ms=9_000, outside=2_000, moved=0.9)),
        # both rest for a third of the time before the sign, and for a third after it
        replace(
            GOOD, any_hand=333, left_hand=replace(GOOD_HAND, frames=333), right_hand=replace(GOOD_HAND, frames=320)
        ),
    ],
)
def test_nothing_speaks_against_a_good_capture(numbers: CaptureNumbers) -> None:
    assert judge(numbers) == ("good", ())


def seen(hands: int) -> CaptureNumbers:
    """Both hands in so many of 1,000 frames."""
    hand = replace(GOOD_HAND, frames=hands)
    return replace(GOOD, any_hand=hands, left_hand=hand, right_hand=hand)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (seen(200), ("good", ())),
        (seen(199), ("check", ("hands_rarely",))),
        (seen(50), ("check", ("hands_rarely",))),
        (seen(49), ("poor", ("no_hand",))),
        (seen(0), ("poor", ("no_hand",))),
        (replace(seen(0), pose=0, face=0), ("poor", ("nothing_found",))),
        (replace(seen(0), pose=1, face=0), ("poor", ("no_hand",))),
        (replace(seen(0), pose=0, face=1), ("poor", ("no_hand",))),
    ],
)
def test_a_capture_without_hands_is_poor(numbers: CaptureNumbers, expected: tuple[str, tuple[str, ...]]) -> None:
    assert judge(numbers) == expected


SIDES = pytest.mark.parametrize("side", ["left_hand", "right_hand"])


@SIDES
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": 500}, ""),
        ({"frames": 499}, "mostly_out"),
        ({"frames": 499, "longest_gap_ms": 9_000}, "mostly_out"),  # and not lost as well
        ({"frames": 100}, "mostly_out"),
        ({"frames": 99}, ""),  # the other hand of a one-handed sign
        ({"frames": 499, "moved": 0.03}, "mostly_out"),
        ({"frames": 499, "moved": 0.0299}, ""),  # it rests
        ({"longest_gap_ms": 499}, ""),
        ({"longest_gap_ms": 500}, "lost"),
        ({"longest_gap_ms": 500, "moved": 0.0299}, ""),
        ({"outside": 2_099}, ""),
        ({"outside": 2_100}, "cut_off"),
        ({"outside": 2_100, "moved": 0.0299}, ""),
        ({"outside": 21_000, "frames": 1000}, "cut_off"),
    ],
)
def test_a_hand_that_takes_part_is_judged(side: str, change: dict[str, float], reason: str) -> None:
    expected = {f"{side}_{reason}"} if reason else set()
    assert reasons(**{side: replace(GOOD_HAND, **change)}) == expected  # type: ignore[arg-type]


@SIDES
def test_a_hand_can_have_two_reasons(side: str) -> None:
    hand = HandNumbers(frames=300, longest_gap_ms=0, outside=5_000, moved=0.5)
    assert reasons(**{side: hand}) == {f"{side}_mostly_out", f"{side}_cut_off"}


def test_hands_that_do_not_move_are_judged_as_they_are() -> None:
    still = replace(GOOD_HAND, moved=0.0299)
    assert reasons(left_hand=still, right_hand=still) == {"hands_still"}
    assert reasons(left_hand=NO_HAND, right_hand=replace(still, longest_gap_ms=500)) == {
        "hands_still",
        "right_hand_lost",
    }
    assert reasons(left_hand=still) == set()  # the right one moves


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"undecoded": 49}, set()),
        ({"undecoded": 50}, {"frames_not_decoded"}),
        ({"undecoded": 499}, {"frames_not_decoded"}),
        ({"undecoded": 500}, {"mostly_not_decoded"}),
        ({"duration_ms": 124_875}, set()),  # 999 intervals: 8.0 a second
        ({"duration_ms": 124_876}, {"few_frames"}),
        ({"time_gaps": 999}, set()),  # 10 frames a second, on a bad day
        ({"longest_time_gap_ms": 499}, set()),
        ({"longest_time_gap_ms": 500}, {"pauses"}),
    ],
)
def test_frames_that_are_missing_are_a_reason(change: dict[str, int], expected: set[str]) -> None:
    assert reasons(**change) == expected


def test_the_gravest_reason_comes_first_and_decides() -> None:
    verdict, given = judge(replace(GOOD, undecoded=600, longest_time_gap_ms=900))
    assert (verdict, given) == ("poor", ("mostly_not_decoded", "pauses"))


def test_a_capture_of_one_frame_is_judged() -> None:
    assert judge(measured(arrays(1))) == ("check", ("hands_still",))


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_has_every_reason_with_its_sentences() -> None:
    assert tuple(QUALITY_REASONS) == get_args(QualityReason)
    for reason in QUALITY_REASONS.values():
        for sentence in (reason.happened, reason.advice):
            assert sentence[0].isupper() and sentence.endswith("."), sentence
    verdicts = [reason.verdict for reason in QUALITY_REASONS.values()]
    assert verdicts == sorted(verdicts, reverse=True), "the gravest first"


@pytest.mark.parametrize(
    "reason", ["no_hand", "hands_rarely", "left_hand_mostly_out", "right_hand_mostly_out", "hands_still"]
)
def test_what_is_right_for_some_gestures_says_when_to_keep_it(reason: QualityReason) -> None:
    """A nod has no hand, a sign of a second few frames of one, a one-handed sign one hand, and a held hand rests."""
    assert ", keep it." in QUALITY_REASONS[reason].advice


@given(st.data())
def test_a_verdict_follows_from_its_reasons(data: st.DataObject) -> None:
    count = st.integers(0, 20)
    hands = [
        HandNumbers(data.draw(count), data.draw(st.sampled_from([0, 499, 500])), data.draw(count), moved)
        for moved in data.draw(st.tuples(*2 * [st.sampled_from([0.0, 0.03, 0.5])]))
    ]
    most = max(hand.frames for hand in hands)
    numbers = CaptureNumbers(
        20, data.draw(count), data.draw(count), data.draw(st.integers(most, 20)), *hands, data.draw(count),
        data.draw(st.sampled_from([0, 1273, 9000])), data.draw(count), data.draw(st.sampled_from([67, 500])),
    )  # fmt: skip
    verdict, given = judge(numbers)
    assert list(given) == [reason for reason in QUALITY_REASONS if reason in given]
    assert verdict == max((QUALITY_REASONS[reason].verdict for reason in given), default="good", key="check poor".find)
