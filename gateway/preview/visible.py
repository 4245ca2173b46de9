"""Decide which landmarks of a frame are drawn, in all pictures and on the pages alike. No I/O."""

from __future__ import annotations

from contracts.rules.landmarks import LAYOUT, Part, PartLayout
from gateway.preview.artifact import Recorded

__all__ = ["SURE", "Landmark", "visible_landmarks"]

SURE = 0.5
"""A landmark of the pose is drawn if its visibility is at least this. Below it MediaPipe guesses the position, which
may even be outside the picture."""

_HEAD = 11
"""The first 11 landmarks of the pose are on the head. They are not drawn if the face itself was found."""

Landmark = tuple[float, ...]


def visible_landmarks(recorded: Recorded, frame: int) -> dict[Part, list[Landmark | None]]:
    """The landmarks of each part that was found in a frame, counted from 0; None for each that is not drawn."""
    found = {part: landmarks for part in LAYOUT if (landmarks := recorded.landmarks(frame, part))}
    hidden = _HEAD if any(part.name == "face" for part in found) else 0
    return {
        part.name: [
            landmark if _is_drawn(landmark, part) and (part.name != "pose" or number >= hidden) else None
            for number, landmark in enumerate(landmarks)
        ]
        for part, landmarks in found.items()
    }


def _is_drawn(landmark: Landmark, part: PartLayout) -> bool:
    x, y = landmark[:2]
    unsure = part.name == "pose" and landmark[3] < SURE
    return not unsure and -1 < x < 2 and -1 < y < 2
