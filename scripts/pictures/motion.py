"""Compute the presence of each part and the speed of the hands over time. No I/O.

A hand's place is its palm: the mean of the wrist and the four knuckles, which shakes less than a single landmark. Depth
is left out, because MediaPipe's is relative and rough. The speed at a frame is the distance in the picture from the
frame before, divided by the time between the two. It is NaN unless the hand was found in both.

The unit of length is the person's shoulder width in the picture, so that people far away and near compare: the median
of the distance between the shoulders, over the frames in which both have at least the visibility `SURE`. If there is no
such frame, the unit is the height of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from contracts.rules.landmarks import LAYOUT, Part, PartLayout
from gateway.preview.visible import SURE
from recorder.artifact import Artifact

__all__ = ["HANDS", "Hand", "Motion", "Unit", "all_known", "motion_of"]

Array = npt.NDArray[Any]
Hand = Literal["left_hand", "right_hand"]
HANDS: tuple[Hand, ...] = get_args(Hand)
Unit = Literal["shoulder widths", "picture heights"]

_PARTS: Mapping[Part, PartLayout] = {part.name: part for part in LAYOUT}
_PALM = [0, 5, 9, 13, 17]
_SHOULDERS = [11, 12]
_MIN_SHOULDERS_PX = 1.0


@dataclass(frozen=True, eq=False)
class Motion:
    """The presence and the motion in a capture of T frames.

    Attributes:
        times_s: float (T,), the time of each frame since the start.
        found: for each part bool (T,), whether it was found.
        decoded: bool (T,), whether the frame's picture could be read.
        restarts_s: the times at which tracking started again.
        speed: for each hand float (T,), in ``unit`` a second; NaN if it is unknown.
    """

    times_s: npt.NDArray[np.float64]
    found: Mapping[Part, npt.NDArray[np.bool_]]
    decoded: npt.NDArray[np.bool_]
    restarts_s: tuple[float, ...]
    speed: Mapping[Hand, npt.NDArray[np.float64]]
    unit: Unit


def motion_of(artifact: Artifact) -> Motion:
    """Compute the motion in a verified artifact."""
    times_s = artifact.timestamps_ms / 1000
    unit_px, unit = _unit(artifact)
    return Motion(
        times_s=times_s,
        found={name: all_known(artifact.features[:, part.columns]) for name, part in _PARTS.items()},
        decoded=artifact.decoded,
        restarts_s=tuple(float(times_s[seq - 1]) for seq in artifact.facts.tracker_restarts),
        speed={hand: _speed(_places_px(artifact, hand, _PALM).mean(axis=1), times_s) / unit_px for hand in HANDS},
        unit=unit,
    )


def all_known(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Whether a row has no NaN; bool, as many as there are rows."""
    return np.asarray(np.isfinite(values).all(axis=1))


def _places_px(artifact: Artifact, name: Part, landmarks: list[int]) -> Array:
    """The places of these landmarks in the picture, in pixels: float64 (T, landmarks, 2)."""
    values = _values(artifact, name)[:, landmarks, :2].astype(np.float64)
    return values * [artifact.width, artifact.height]


def _values(artifact: Artifact, name: Part) -> Array:
    part = _PARTS[name]
    return artifact.features[:, part.columns].reshape(-1, part.landmarks, len(part.coordinates))


def _unit(artifact: Artifact) -> tuple[float, Unit]:
    """The unit of length in pixels, and its name."""
    left, right = _places_px(artifact, "pose", _SHOULDERS).transpose(1, 0, 2)
    seen = (_values(artifact, "pose")[:, _SHOULDERS, 3] >= SURE).all(axis=1)
    widths = np.linalg.norm(left - right, axis=1)[seen]
    widths = widths[np.isfinite(widths)]
    width = float(np.median(widths)) if widths.size else 0.0
    return (width, "shoulder widths") if width >= _MIN_SHOULDERS_PX else (float(artifact.height), "picture heights")


def _speed(places_px: Array, times_s: Array) -> npt.NDArray[np.float64]:
    way_px = np.linalg.norm(np.diff(places_px, axis=0), axis=1)
    took_s = np.diff(times_s)
    speed = np.full(len(times_s), np.nan)
    np.divide(way_px, took_s, out=speed[1:], where=took_s > 0)
    return speed
