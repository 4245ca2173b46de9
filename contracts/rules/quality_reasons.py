"""The table of quality reasons: why a capture's verdict is not ``good``, each with the sentence for people. No I/O.

The pages read this table through ``npm run messages``. `contracts.rules.quality` decides which reasons a capture has.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["QUALITY_REASONS", "QualityReason", "QualityVerdict", "ReasonEntry"]

QualityVerdict = Literal["good", "check", "poor"]
"""``good``: there is no reason. ``check``: a person should look at it. ``poor``: a person should record it again."""

QualityReason = Literal[
    "nothing_found", "no_hand", "mostly_not_decoded", "hands_rarely",
    "left_hand_mostly_out", "right_hand_mostly_out", "left_hand_lost", "right_hand_lost",
    "left_hand_cut_off", "right_hand_cut_off", "hands_still", "few_frames", "pauses", "frames_not_decoded",
]  # fmt: skip
"""Why a capture is not ``good``."""


class ReasonEntry(NamedTuple):
    """What one reason means.

    Attributes:
        verdict: the best verdict that a capture with this reason can have.
        happened: what happened, a sentence for the person who was recorded.
        advice: what the person can do, a sentence.
    """

    verdict: Literal["check", "poor"]
    happened: str
    advice: str


_MOVE_BACK = "Move back until both hands are well inside the picture."
_OR_MOVE_BACK = "If not, move back until both hands are well inside the picture."
_OF_THE_FACE = f"If the gesture is one of the face or the head, keep it. {_OR_MOVE_BACK}"
_SHORT = f"If the whole gesture is there, keep it. {_OR_MOVE_BACK}"
_ONE_HAND = "If the sign needs only the other hand, keep it. If not, move back until both hands are in the picture."
_VISIBLE = "Keep the hand in the picture, in good light, and not behind something."
_FASTER = "Close other programs and tabs, or use a faster connection."

QUALITY_REASONS: dict[QualityReason, ReasonEntry] = {
    "nothing_found": ReasonEntry(
        "poor", "Nothing was seen: no body, no face, no hand.", "Turn on a light, and sit so that the camera sees you."
    ),
    "no_hand": ReasonEntry("poor", "No hand was in the picture, or only for an instant.", _OF_THE_FACE),
    "mostly_not_decoded": ReasonEntry(
        "poor", "Half of the pictures or more were damaged.", "If it happens again, use another browser."
    ),
    "hands_rarely": ReasonEntry("check", "The hands were in the picture only for a short time.", _SHORT),
    "left_hand_mostly_out": ReasonEntry("check", "The left hand was out of the picture for most of it.", _ONE_HAND),
    "right_hand_mostly_out": ReasonEntry("check", "The right hand was out of the picture for most of it.", _ONE_HAND),
    "left_hand_lost": ReasonEntry("check", "The left hand was not seen for half a second or more.", _VISIBLE),
    "right_hand_lost": ReasonEntry("check", "The right hand was not seen for half a second or more.", _VISIBLE),
    "left_hand_cut_off": ReasonEntry("check", "A part of the left hand was outside the picture.", _MOVE_BACK),
    "right_hand_cut_off": ReasonEntry("check", "A part of the right hand was outside the picture.", _MOVE_BACK),
    "hands_still": ReasonEntry("check", "The hands hardly moved.", "If the sign has no movement, keep it."),
    "few_frames": ReasonEntry(
        "check", "There are fewer than 8 pictures a second, so quick movements are missing.", _FASTER
    ),
    "pauses": ReasonEntry("check", "The pictures stopped for half a second or more.", _FASTER),
    "frames_not_decoded": ReasonEntry(
        "check", "Some pictures were damaged.", "If it happens again, use another browser."
    ),
}
"""Every reason, the gravest first: in this order they are listed and shown."""
