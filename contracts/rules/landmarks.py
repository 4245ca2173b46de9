"""The landmarks of a frame: the columns of the feature matrix, the codec of one row, and the lines to draw. No I/O.

A row is 1662 float32 values: pose 33 × (x, y, z, visibility), left hand 21 × (x, y, z), right hand
21 × (x, y, z), face 468 × (x, y, z). ``x`` and ``y`` are normalised to the image, ``z`` is relative, as
MediaPipe Holistic gives them; a part that was not found is NaN.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

__all__ = [
    "CONNECTIONS",
    "DIMS",
    "LAYOUT",
    "LAYOUT_NAME",
    "PART_NAMES",
    "Connection",
    "Part",
    "PartLayout",
    "Row",
    "layout_text",
]

Part = Literal["pose", "left_hand", "right_hand", "face"]
PART_NAMES: tuple[Part, ...] = get_args(Part)

LAYOUT_NAME = "holistic_landmarks_v1"


class PartLayout(NamedTuple):
    """The columns of one part's landmarks."""

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
        """Read the bytes that `pack` returned. Raises ``ValueError`` if their length is wrong."""
        if len(data) != _ROW_HEAD.size + 4 * DIMS:
            raise ValueError(f"a row has {_ROW_HEAD.size + 4 * DIMS} bytes, not {len(data)}")
        timestamp_ms, decoded = _ROW_HEAD.unpack_from(data)
        return cls(timestamp_ms, decoded, data[_ROW_HEAD.size :])


Connection = tuple[int, int]
"""Two landmarks of one part, by number, the smaller one first."""


def _lines(*chains: tuple[int, ...]) -> tuple[Connection, ...]:
    """The connections along chains of landmarks, in order."""
    return tuple(sorted({(min(pair), max(pair)) for chain in chains for pair in pairwise(chain)}))


_POSE = _lines(
    (7, 3, 2, 1, 0, 4, 5, 6, 8),  # ear to ear over eyes and nose
    (9, 10),  # mouth
    (11, 12, 24, 23, 11),  # trunk
    (11, 13, 15, 17, 19, 15, 21),  # left arm and hand
    (12, 14, 16, 18, 20, 16, 22),
    (23, 25, 27, 29, 31, 27),  # left leg and foot
    (24, 26, 28, 30, 32, 28),
)
_HAND = _lines(
    (0, 1, 2, 3, 4),  # thumb
    (0, 5, 6, 7, 8),
    (9, 10, 11, 12),
    (13, 14, 15, 16),
    (0, 17, 18, 19, 20),  # little finger
    (5, 9, 13, 17),  # knuckles
)
# fmt: off
_FACE = _lines(
    (10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365,
     397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338, 10),  # oval
    (276, 283, 282, 295, 285), (300, 293, 334, 296, 336),  # left eyebrow
    (46, 53, 52, 65, 55), (70, 63, 105, 66, 107),
    (249, 263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),  # left eye
    (7, 33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (0, 37, 39, 40, 185, 61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0),  # lips, outside
    (13, 82, 81, 80, 191, 78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13),
)
# fmt: on

# The lines are MediaPipe's own: its connections of the pose and of a hand, and the contours of the face.
CONNECTIONS: dict[Part, tuple[Connection, ...]] = {
    "pose": _POSE,
    "left_hand": _HAND,
    "right_hand": _HAND,
    "face": _FACE,
}
