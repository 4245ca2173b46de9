"""Arrays of artifacts, frame by frame, for tests of the quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.messages.quality import Quality
from contracts.rules.landmarks import DIMS, LAYOUT, Part

Place = tuple[float, float] | None
"""Where a hand is: the x and y of its first landmark; None if it is not in the frame."""
Path = Callable[[int], Place]
"""The place of a hand in each frame, from 0."""

PARTS = {part.name: part for part in LAYOUT}
STEP_MS = 67
SPREAD = 0.1
"""The other landmarks of a hand are up to this far to the right of the first, and below it."""


def never(_: int) -> Place:
    return None


def resting(_: int) -> Place:
    return 0.4, 0.6


def waving(frame: int) -> Place:
    """To and fro by 0.25 of the picture's width."""
    return 0.3 + 0.05 * abs(frame % 10 - 5), 0.4


def within(first: int, last: int, path: Path = waving) -> Path:
    """The path, in the frames ``first`` to ``last`` only."""
    return lambda frame: path(frame) if first <= frame <= last else None


def in_frames(wanted: Callable[[int], bool], path: Path = waving) -> Path:
    """The path, in these frames only."""
    return lambda frame: path(frame) if wanted(frame) else None


def times(*intervals_ms: int) -> list[int]:
    """The times of frames that are so far apart."""
    return [0, *np.cumsum(intervals_ms).tolist()]


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays that the quality is computed from."""

    features: npt.NDArray[np.float32]
    timestamps_ms: list[int]
    decoded: list[bool]

    def quality(self) -> Quality:
        return Quality.of(self.features.tobytes(), self.timestamps_ms, self.decoded)


def arrays(
    frames: int = 100,
    *,
    left: Path = never,
    right: Path = waving,
    without: Sequence[Part] = (),
    timestamps_ms: list[int] | None = None,
    undecoded: Sequence[int] = (),
) -> Arrays:
    """The arrays of a capture: at rest, with face and body, unless ``without`` names them. Frames in ``undecoded`` have
    nothing."""
    features = np.full((frames, DIMS), np.nan, dtype="<f4")
    for name in ("pose", "face"):
        if name not in without:
            features[:, PARTS[name].columns] = 0.5
    along = np.linspace(0, SPREAD, 21)
    for name, path in (("left_hand", left), ("right_hand", right)):
        for frame in range(frames):
            if (place := path(frame)) is not None:
                x, y = place
                hand = np.stack([x + along, y + along, np.full(21, 9.0)], axis=1)
                features[frame, PARTS[name].columns] = hand.ravel()
    features[list(undecoded)] = np.nan
    chosen = [STEP_MS * frame for frame in range(frames)] if timestamps_ms is None else timestamps_ms
    return Arrays(features, chosen, [frame not in undecoded for frame in range(frames)])
