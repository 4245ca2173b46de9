"""The columns of the feature matrix, and the codec of one extracted row. No I/O.

A row is 1662 float32 values: pose 33 × (x, y, z, visibility), left hand 21 × (x, y, z), right hand
21 × (x, y, z), face 468 × (x, y, z). ``x`` and ``y`` are normalised to the image, ``z`` is relative, as
MediaPipe Holistic gives them; a part that was not found is NaN.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple, get_args

__all__ = ["DIMS", "LAYOUT", "LAYOUT_NAME", "PART_NAMES", "Part", "PartLayout", "Row", "column_names", "layout_text"]

Part = Literal["pose", "left_hand", "right_hand", "face"]
PART_NAMES: tuple[Part, ...] = get_args(Part)

LAYOUT_NAME = "holistic_landmarks_v1"


class PartLayout(NamedTuple):
    """Where one part's landmarks stand in a row."""

    name: Part
    landmarks: int
    coordinates: tuple[str, ...]
    start: int

    @property
    def stop(self) -> int:
        """One past the part's last column."""
        return self.start + self.landmarks * len(self.coordinates)

    @property
    def columns(self) -> slice:
        """The part's columns."""
        return slice(self.start, self.stop)


def _lay_out() -> tuple[PartLayout, ...]:
    xyz = ("x", "y", "z")
    sizes: tuple[tuple[Part, int, tuple[str, ...]], ...] = (
        ("pose", 33, (*xyz, "visibility")),
        ("left_hand", 21, xyz),
        ("right_hand", 21, xyz),
        ("face", 468, xyz),
    )
    parts: list[PartLayout] = []
    for name, landmarks, coordinates in sizes:
        parts.append(PartLayout(name, landmarks, coordinates, parts[-1].stop if parts else 0))
    return tuple(parts)


LAYOUT: tuple[PartLayout, ...] = _lay_out()
DIMS: int = LAYOUT[-1].stop


def layout_text() -> str:
    """``pose:33xyzv,left_hand:21xyz,right_hand:21xyz,face:468xyz``: the layout for an artifact's meta."""
    return ",".join(f"{part.name}:{part.landmarks}{''.join(c[0] for c in part.coordinates)}" for part in LAYOUT)


def column_names() -> tuple[str, ...]:
    """The 1662 columns by name, ``pose.0.x`` … ``face.467.z``."""
    return tuple(
        f"{part.name}.{landmark}.{coordinate}"
        for part in LAYOUT
        for landmark in range(part.landmarks)
        for coordinate in part.coordinates
    )


_ROW_HEAD = struct.Struct("<q?")


class Row(NamedTuple):
    """One extracted frame as it is checkpointed in the broker until the artifact is written.

    Attributes:
        timestamp_ms: event time since ``timestamp_start``.
        decoded: false if the JPEG could not be decoded; the features are then all NaN.
        features: 1662 little-endian float32 values.
    """

    timestamp_ms: int
    decoded: bool
    features: bytes

    def pack(self) -> bytes:
        """The row's bytes: int64 ``timestamp_ms``, bool ``decoded``, then the features."""
        return _ROW_HEAD.pack(self.timestamp_ms, self.decoded) + self.features

    @classmethod
    def unpack(cls, data: bytes) -> Row:
        """Read what `pack` made; ``ValueError`` if its length is wrong."""
        if len(data) != _ROW_HEAD.size + 4 * DIMS:
            raise ValueError(f"a row has {_ROW_HEAD.size + 4 * DIMS} bytes, not {len(data)}")
        timestamp_ms, decoded = _ROW_HEAD.unpack_from(data)
        return cls(timestamp_ms, decoded, data[_ROW_HEAD.size :])
