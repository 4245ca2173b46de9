"""The quality of one capture, from the arrays of its artifact alone: numbers, and a verdict with reasons. No I/O.

The same arrays give the same result on every machine and Python: it counts, compares and subtracts, and adds no
floats. It needs no numpy, because `contracts` has none, and the extractor and the commands share it. workers/README.md,
*Quality*, defines each number and threshold for readers of the data.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from contracts.rules.landmarks import DIMS, LAYOUT, PartLayout
from contracts.rules.quality_reasons import QUALITY_REASONS, QualityReason, QualityVerdict

__all__ = [
    "DIGITS", "FEW_FPS", "LOST_MS", "MOSTLY_OUT_BELOW", "NOT_DECODED_SHARE", "NO_HAND_BELOW", "OUTSIDE_SHARE",
    "PAUSE_MS", "POOR_NOT_DECODED_SHARE", "QUALITY_RULES", "RARELY_BELOW", "STILL_BELOW", "TIME_GAP_MS", "UNUSED_BELOW",
    "CaptureNumbers", "HandNumbers", "judge", "measure",
]  # fmt: skip

QUALITY_RULES = "quality_v1"
"""The name of these rules, which stands in every event. Change it if the same arrays may give another result: then
`a3cp verify` compares only events of the new rules."""

DIGITS = 4
"""Decimal digits of shares and movements. A capture has at most 1,815 frames, so 4 digits tell all counts apart."""

TIME_GAP_MS = 100
"""Two frames further apart than this have a gap in time between them. 100 ms are 10 frames a second, about the rate
below which people find signing hard to follow; at 15 frames a second it is one frame that is missing. Gaps are counted
for the reader of the data: a verdict from them would differ by chance at 10 frames a second."""

NO_HAND_BELOW = 0.05
"""``no_hand``: a hand in less than this share of the frames. Of the shortest capture, 2 s, it is one tenth of a second:
shorter than a movement, and as long as a false detection. Measured: no false one in 180
frames without that hand, and one in 90 frames of a dancer whose hands hang down."""

RARELY_BELOW = 0.2
"""``hands_rarely``: a hand in less than this share of the frames. A sign takes half a second to a second, and a capture
with a second or two of rest before and after it is usual; below a fifth, more than that is missing."""

UNUSED_BELOW = 0.1
"""A hand in less than this share of the frames with a hand is not judged: it is the other hand of a one-handed sign,
which comes into the picture by chance. It is a share of the frames *with a hand*, so that rest does not count."""

MOSTLY_OUT_BELOW = 0.5
"""``…_mostly_out``: a moving hand in less than this share of the frames with a hand. A hand that takes part in a
two-handed sign is seen with the other one; only the person knows whether a hand that comes and goes should be there.
Measured: 0.56 for a hand that is out of the picture for a third of the time and on its way for a sixth."""

LOST_MS = 500
"""``…_lost``: a hand was away for this long between two frames that have it. Half a second is a whole short sign, and
more than can be interpolated. Rest before the first frame with the hand and after the last one does not count.
Measured: hands in full view are never lost; small ones seen from the side, of a pianist, for 130 to 270 ms while
MediaPipe knows them well, and for 600 to 1,200 ms while it does not, which a person should look at."""

OUTSIDE_SHARE = 0.1
"""``…_cut_off``: this share of the hand's landmarks is outside the picture, where MediaPipe guesses them. It is two of
21 in every frame, so fingertips; a hand that comes up from the lower edge and goes back stays below it. Measured: 0 in
full view, 0.005 for a hand that leaves and comes back in 6 s, 0.15 and 0.16 for hands of which the edge cuts a part."""

STILL_BELOW = 0.03
"""``hands_still``: no hand moved by this share of the picture's width or height. Measured: 0.003 and 0.004 for hands
that rest before a camera that does; 0.15 and 0.16 for hands that sign; in 3 s of a pianist's hands, which are small,
0.04 to 0.18 for the one that moved more. Estimated: one finger that bends, of a hand that fills a sixth of the picture,
0.05."""

PAUSE_MS = 500
"""``pauses``: no frame for this long: a whole short sign may be missing, as with `LOST_MS`."""

FEW_FPS = 8
"""``few_frames``: fewer frames a second than this, on average. At about 10 people still follow signing; 8 leaves a
server or a video with 10 room to lose one in five, as a wireless network does."""

NOT_DECODED_SHARE = 0.05
"""``frames_not_decoded``: this share of the frames. A camera damages one now and then; one in 20 is a defect."""

POOR_NOT_DECODED_SHARE = 0.5
"""``mostly_not_decoded``: this share of the frames; then the rest is no longer the movement."""

_TRIMMED = 20
"""One in so many frames is left out at each end of a landmark's range, so that a false detection is no movement."""

_NAN = struct.pack("<f", math.nan)


@dataclass(frozen=True, slots=True)
class HandNumbers:
    """The numbers of one hand.

    Attributes:
        frames: how many frames have the hand.
        longest_gap_ms: the longest time between two neighbours among the frames that have it, if frames without it
            lie between; 0 if there is none.
        outside: how many of its landmarks, 21 a frame, have an x or y that is not within 0 and 1.
        moved: the largest range of a landmark's x or y, in shares of the picture's width or height, without the
            lowest and the highest twentieth of the frames; rounded to `DIGITS`.
    """

    frames: int
    longest_gap_ms: int
    outside: int
    moved: float

    @property
    def outside_share(self) -> float:
        """The share of its landmarks outside the picture, 0 to 1; 0 if no frame has the hand."""
        return self.outside / (21 * self.frames) if self.frames else 0.0


@dataclass(frozen=True, slots=True)
class CaptureNumbers:
    """The numbers of one capture, before rounding. ``pose``, ``face``, ``any_hand`` and ``undecoded`` count frames.

    ``duration_ms`` is from the first frame to the last one; ``time_gaps`` counts the intervals between neighbouring
    frames over `TIME_GAP_MS`.
    """

    frames: int
    pose: int
    face: int
    any_hand: int
    left_hand: HandNumbers
    right_hand: HandNumbers
    undecoded: int
    duration_ms: int
    time_gaps: int
    longest_time_gap_ms: int

    @property
    def fps(self) -> float:
        """Intervals between frames a second; 0 if all frames have the same time, or there is one only."""
        return 1000 * (self.frames - 1) / self.duration_ms if self.duration_ms else 0.0


def measure(features: bytes | memoryview, timestamps_ms: Sequence[int], decoded: Sequence[bool]) -> CaptureNumbers:
    """Count what the arrays of an artifact have, of T frames.

    Args:
        features: T × 1662 little-endian float32 values in C order, as `contracts.rules.landmarks` lays them out.
        timestamps_ms: T times, rising.
        decoded: T truth values.

    Raises:
        ValueError: the lengths do not fit each other, or T is 0.
    """
    rows, frames = memoryview(features).cast("B"), len(timestamps_ms)
    if frames == 0 or len(decoded) != frames or len(rows) != frames * 4 * DIMS:
        raise ValueError("the arrays are not those of the same frames, or there is none")
    found = {part.name: [_is_found(rows, frame, part) for frame in range(frames)] for part in LAYOUT}
    left, right = (
        _measure_hand(rows, part, found[part.name], timestamps_ms) for part in LAYOUT if part.name.endswith("_hand")
    )
    intervals = [later - earlier for earlier, later in pairwise(timestamps_ms)]
    return CaptureNumbers(
        frames=frames,
        pose=sum(found["pose"]),
        face=sum(found["face"]),
        any_hand=sum(map(max, found["left_hand"], found["right_hand"])),
        left_hand=left,
        right_hand=right,
        undecoded=frames - sum(map(bool, decoded)),
        duration_ms=timestamps_ms[-1] - timestamps_ms[0],
        time_gaps=sum(interval > TIME_GAP_MS for interval in intervals),
        longest_time_gap_ms=max(intervals, default=0),
    )


def _part_bytes(rows: memoryview, frame: int, part: PartLayout) -> bytes:
    at = 4 * DIMS * frame
    return bytes(rows[at + 4 * part.start : at + 4 * part.stop])


def _is_found(rows: memoryview, frame: int, part: PartLayout) -> bool:
    """Whether one of the part's values is a number, as `recorder.artifact` counts it."""
    values = _part_bytes(rows, frame, part)
    if values == _NAN * (len(values) // 4):  # the NaN that extractors write: 100 times as quick as looking at each
        return False
    return any(value == value for (value,) in struct.iter_unpack("<f", values))


def _measure_hand(rows: memoryview, part: PartLayout, found: list[bool], timestamps_ms: Sequence[int]) -> HandNumbers:
    seen = [frame for frame, is_found in enumerate(found) if is_found]
    values = _floats(b"".join(_part_bytes(rows, frame, part) for frame in seen))
    gaps = (timestamps_ms[later] - timestamps_ms[earlier] for earlier, later in pairwise(seen) if later > earlier + 1)
    return HandNumbers(
        frames=len(seen),
        longest_gap_ms=max(gaps, default=0),
        outside=sum(not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0) for x, y in zip(values[0::3], values[1::3], strict=True)),
        moved=round(max(_ranges(values), default=0.0), DIGITS),
    )


def _floats(data: bytes) -> array[float]:
    """The float32 values. An array: those of a long capture as Python's floats would take eight times the memory."""
    values = array("f", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _ranges(values: array[float]) -> Iterator[float]:
    """The trimmed range of each landmark's x and y over all frames, 63 values each; by rank, so it needs no sum."""
    for column in range(63):
        if column % 3 == 2:  # z is relative to the wrist
            continue
        numbers = sorted(filter(math.isfinite, values[column::63]))
        trimmed = len(numbers) // _TRIMMED
        if numbers:
            yield numbers[-1 - trimmed] - numbers[trimmed]


def judge(numbers: CaptureNumbers) -> tuple[QualityVerdict, tuple[QualityReason, ...]]:
    """Decide the verdict, and its reasons, the gravest first. ``good`` has none.

    A hand that is not in the picture, or only by chance, or that rests, is not judged: signs with one hand are good.
    Face and body are not judged either: a hand may be filmed from near, or a person from the side.
    """
    given = {*_hand_reasons(numbers), *_frame_reasons(numbers)}
    reasons = tuple(reason for reason in QUALITY_REASONS if reason in given)
    if any(QUALITY_REASONS[reason].verdict == "poor" for reason in reasons):
        return "poor", reasons
    return ("check", reasons) if reasons else ("good", ())


def _hand_reasons(numbers: CaptureNumbers) -> Iterator[QualityReason]:
    if numbers.any_hand == numbers.pose == numbers.face == 0:
        yield "nothing_found"
        return
    if numbers.any_hand < NO_HAND_BELOW * numbers.frames:
        yield "no_hand"  # the few frames that have one say nothing
        return
    if numbers.any_hand < RARELY_BELOW * numbers.frames:
        yield "hands_rarely"
    left, right = numbers.left_hand, numbers.right_hand
    used = [hand for hand in (left, right) if hand.frames >= UNUSED_BELOW * numbers.any_hand]
    moving = [hand for hand in used if hand.moved >= STILL_BELOW]
    if not moving:
        yield "hands_still"
    judged = moving or used  # a sign without movement is judged by the hands that are there
    if any(hand is left for hand in judged):
        yield from _one_hand(left, numbers, "left_hand_mostly_out", "left_hand_lost", "left_hand_cut_off")
    if any(hand is right for hand in judged):
        yield from _one_hand(right, numbers, "right_hand_mostly_out", "right_hand_lost", "right_hand_cut_off")


def _one_hand(
    hand: HandNumbers, numbers: CaptureNumbers, out: QualityReason, lost: QualityReason, cut_off: QualityReason
) -> Iterator[QualityReason]:
    if hand.frames < MOSTLY_OUT_BELOW * numbers.any_hand:
        yield out  # and so it was lost, which need not be said as well
    elif hand.longest_gap_ms >= LOST_MS:
        yield lost
    if hand.outside_share >= OUTSIDE_SHARE:
        yield cut_off


def _frame_reasons(numbers: CaptureNumbers) -> Iterator[QualityReason]:
    if numbers.undecoded >= POOR_NOT_DECODED_SHARE * numbers.frames:
        yield "mostly_not_decoded"
    elif numbers.undecoded >= NOT_DECODED_SHARE * numbers.frames:
        yield "frames_not_decoded"
    if 1000 * (numbers.frames - 1) < FEW_FPS * numbers.duration_ms:
        yield "few_frames"
    if numbers.longest_time_gap_ms >= PAUSE_MS:
        yield "pauses"
