"""Read the arrays of an artifact that are drawn, without numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import orjson

from contracts.rules.errors import ArtifactError
from contracts.rules.landmarks import DIMS, LAYOUT, PartLayout
from contracts.storage.npz import NpyArray, read_npz

__all__ = ["Recorded", "read_artifact"]

_NEEDED = {
    "features": ("<f4", 2),
    "timestamps_ms": ("<i8", 1),
    "decoded": ("|b1", 1),
    "tracker_restarts": ("<i4", 1),
}
"""The dtype and the number of dimensions of each array that is drawn."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The contents of one capture's artifact.

    Attributes:
        width, height: the size of its pictures, pixels.
        timestamps_ms: for each frame, its event time since the start, in ms.
        decoded: for each frame, whether its picture could be read.
        tracker_restarts: the frames, counted from 1, at which tracking restarted.
        features: the feature matrix, row by row, float32.
    """

    width: int
    height: int
    timestamps_ms: Sequence[int]
    decoded: Sequence[bool]
    tracker_restarts: Sequence[int]
    features: memoryview[float]

    def __len__(self) -> int:
        return len(self.timestamps_ms)

    def landmarks(self, frame: int, part: PartLayout) -> list[tuple[float, ...]]:
        """The landmarks of a part in a frame, counted from 0; empty if the part was not found."""
        start, step = frame * DIMS + part.start, len(part.coordinates)
        values = self.features[start : start + part.landmarks * step].tolist()
        if not all(map(math.isfinite, values)):
            return []
        return [tuple(values[at : at + step]) for at in range(0, len(values), step)]

    def found(self, frame: int) -> bool:
        """Whether any part was found in a frame, counted from 0."""
        return any(not math.isnan(self.features[frame * DIMS + part.start]) for part in LAYOUT)


def read_artifact(data: bytes) -> Recorded:
    """Read one artifact.

    Raises:
        ArtifactError: the bytes are not an artifact, or are damaged.
    """
    members = read_npz(data)
    features, timestamps, decoded, restarts = (
        _array(members, name, dtype, dimensions) for name, (dtype, dimensions) in _NEEDED.items()
    )
    width, height = _size(members)
    recorded = Recorded(
        width=width,
        height=height,
        timestamps_ms=timestamps.data.cast("q"),
        decoded=decoded.data.cast("?"),
        tracker_restarts=restarts.data.cast("i"),
        features=features.data.cast("f"),
    )
    if features.shape != (len(recorded), DIMS) or len(recorded.decoded) != len(recorded):
        raise ArtifactError("its arrays have different lengths")
    if any(after < before for before, after in pairwise((0, *recorded.timestamps_ms))):
        raise ArtifactError("timestamps_ms decreases")
    return recorded


def _array(members: Mapping[str, NpyArray], name: str, dtype: str, dimensions: int) -> NpyArray:
    array = members.get(name)
    if array is None or array.dtype != dtype or array.fortran_order or len(array.shape) != dimensions:
        raise ArtifactError(f"{name} is missing, or has a wrong type")
    return array


def _size(members: Mapping[str, NpyArray]) -> tuple[int, int]:
    """The width and height of the capture's pictures, in pixels."""
    try:
        meta = orjson.loads(members["meta"].text())
        sides = meta["width"], meta["height"]
    except (KeyError, TypeError, ValueError):
        raise ArtifactError("meta is missing or cannot be read") from None
    if not all(type(side) is int and 0 < side < 2**16 for side in sides):
        raise ArtifactError("meta has no valid width and height")
    return sides
