"""The quality of a capture as its feature-ref event says it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import orjson
from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from contracts.messages.base import StrictModel
from contracts.rules.json_text import paths_of
from contracts.rules.quality import DIGITS, QUALITY_RULES, CaptureNumbers, judge, measure
from contracts.rules.quality_reasons import QualityVerdict

__all__ = ["FoundShares", "HandMilliseconds", "HandMovements", "HandShares", "Quality", "quality_differences"]

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]


class _Extensible(StrictModel):
    """A part of the quality. A later version may add numbers; they are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class FoundShares(_Extensible):
    """The share of the frames in which each part was found, and in which at least one hand was; 0 to 1."""

    pose: Share
    left_hand: Share
    right_hand: Share
    face: Share
    any_hand: Share


class HandShares(_Extensible):
    """A share for each hand, 0 to 1."""

    left_hand: Share
    right_hand: Share


class HandMovements(_Extensible):
    """A movement for each hand, in shares of the picture's width or height; over 1 if it leaves the picture."""

    left_hand: Annotated[float, Field(ge=0)]
    right_hand: Annotated[float, Field(ge=0)]


class HandMilliseconds(_Extensible):
    """A time for each hand, milliseconds."""

    left_hand: Count
    right_hand: Count


class Quality(_Extensible):
    """The quality of a capture, computed from the arrays of its artifact alone (workers/README.md, *Quality*).

    ``rules`` names the rules that computed it; ``reasons`` are codes of `contracts.rules.quality_reasons`, the gravest
    first, empty if the verdict is ``good``. Shares have 4 decimal digits.

    Attributes:
        longest_gap_ms: the longest time without the hand between two frames that have it.
        outside: the share of the hand's landmarks that are outside the picture.
        moved: how far a landmark of the hand moved, in shares of the picture's width or height.
        fps: frames a second, on average.
        time_gaps: how many neighbouring frames are over 100 ms apart.
        longest_time_gap_ms: the longest time between two neighbouring frames.
        undecoded_frames: how many frames' JPEG could not be decoded.
    """

    verdict: QualityVerdict
    reasons: list[Code]
    rules: Code
    found: FoundShares
    longest_gap_ms: HandMilliseconds
    outside: HandShares
    moved: HandMovements
    fps: Annotated[float, Field(ge=0)]
    time_gaps: Count
    longest_time_gap_ms: Count
    undecoded_frames: Count

    @classmethod
    def read(cls, value: object) -> Quality | None:
        """The quality that an event says, which is any JSON value; None if this version cannot read it."""
        try:
            return cls.model_validate_json(orjson.dumps(value))
        except ValidationError:
            return None

    @classmethod
    def of(cls, features: bytes | memoryview, timestamps_ms: Sequence[int], decoded: Sequence[bool]) -> Quality:
        """The quality of the arrays of one artifact, of T frames.

        Args:
            features: T × 1662 little-endian float32 values in C order.
            timestamps_ms: T times, rising.
            decoded: T truth values.

        Raises:
            ValueError: the lengths do not fit each other, or T is 0.
        """
        return cls._of_numbers(measure(features, timestamps_ms, decoded))

    @classmethod
    def _of_numbers(cls, numbers: CaptureNumbers) -> Quality:
        verdict, reasons = judge(numbers)
        left, right, frames = numbers.left_hand, numbers.right_hand, numbers.frames
        return cls(
            verdict=verdict,
            reasons=list(reasons),
            rules=QUALITY_RULES,
            found=FoundShares(
                pose=_share(numbers.pose, frames),
                left_hand=_share(left.frames, frames),
                right_hand=_share(right.frames, frames),
                face=_share(numbers.face, frames),
                any_hand=_share(numbers.any_hand, frames),
            ),
            longest_gap_ms=HandMilliseconds(left_hand=left.longest_gap_ms, right_hand=right.longest_gap_ms),
            outside=HandShares(
                left_hand=round(left.outside_share, DIGITS), right_hand=round(right.outside_share, DIGITS)
            ),
            moved=HandMovements(left_hand=left.moved, right_hand=right.moved),
            fps=round(numbers.fps, DIGITS),
            time_gaps=numbers.time_gaps,
            longest_time_gap_ms=numbers.longest_time_gap_ms,
            undecoded_frames=numbers.undecoded,
        )


def _share(count: int, of: int) -> float:
    return round(count / of, DIGITS)


def quality_differences(said: Quality, computed: Quality) -> tuple[str, ...]:
    """Name each field of an event's quality that is not what the artifact's arrays give; empty if they are equal, or if
    other rules than ours computed ``said``. Fields that a later version added are not compared."""
    if said.rules != computed.rules:
        return ()
    theirs = dict(paths_of(said.model_dump()))
    return tuple(
        f"quality.{name} is {theirs.get(name)} in the event, {value} in the artifact"
        for name, value in paths_of(computed.model_dump())
        if theirs.get(name) != value
    )
